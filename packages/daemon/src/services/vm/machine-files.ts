/** Where a machine keeps its files. Everything here is derived from the id, so it can be named before it exists. */
import { join } from "node:path";
import type { VmId } from "@banger/contract/ids";

export type MachineFiles = {
  readonly directory: string;
  readonly manifest: string;
  readonly handles: string;
  readonly root: string;
  readonly work: string;
  readonly console: string;
  readonly vmmLog: string;
  /** a folder per command that was left running */
  readonly commands: string;
};

export function machineFiles(machines: string, id: VmId): MachineFiles {
  const directory = join(machines, id);
  return {
    directory,
    manifest: join(directory, "manifest.json"),
    handles: join(directory, "handles.json"),
    root: join(directory, "root.qcow2"),
    work: join(directory, "work.ext4"),
    console: join(directory, "console.log"),
    vmmLog: join(directory, "vmm.log"),
    commands: join(directory, "commands"),
  };
}
