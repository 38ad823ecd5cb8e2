import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VmId } from "@banger/contract/ids";
import { newId } from "@banger/platform/new-id";
import { type ConformanceSubject, driverConformance } from "../conformance.ts";
import type { VmmSpec } from "../driver.ts";
import { FakeDriver } from "./driver.ts";
import { FakeHost } from "./host.ts";

driverConformance("fake", async (): Promise<ConformanceSubject> => {
  const root = await mkdtemp(join(tmpdir(), "banger-fake-"));
  const host = new FakeHost();
  return {
    newDriver: () => new FakeDriver(host),
    async newSpec(): Promise<VmmSpec> {
      const directory = await mkdtemp(join(root, "m-"));
      return {
        ...{ id: VmId.parse(newId()), directory, nonce: `bng-${newId()}`, vcpus: 1, memoryMib: 128 },
        ...{ kernel: { path: "k", initramfs: "i" }, commandLine: [], disks: [], accelerator: "tcg", network: "none" },
      };
    },
    processes: host.processes,
    endVmm: (vmm) => {
      const machine = host.machines.get(vmm.handles.launcher.pid);
      if (machine) host.end(machine, { status: 0, signal: null });
    },
    breakStarts: () => {
      host.diesEarly = { status: 1, signal: null };
    },
    mendStarts: () => {
      host.diesEarly = undefined;
    },
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true }),
  };
});
