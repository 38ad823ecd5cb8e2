/** manifest.json in a machine's directory: the row once more, from which a lost database is rebuilt. */
import { readFile } from "node:fs/promises";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { MachineFiles } from "./machine-files.ts";
import { MachineRecord } from "./machine-record.ts";

export async function writeManifest(files: MachineFiles, record: MachineRecord): Promise<void> {
  await atomicWrite(files.manifest, `${JSON.stringify(record, null, 2)}\n`);
}

/** `undefined` when it is missing or not a manifest: then the directory is nobody's. */
export async function readManifest(files: MachineFiles): Promise<MachineRecord | undefined> {
  try {
    return MachineRecord.parse(JSON.parse(await readFile(files.manifest, "utf8")));
  } catch {
    return undefined; // missing, cut short or foreign: quarantine decides
  }
}
