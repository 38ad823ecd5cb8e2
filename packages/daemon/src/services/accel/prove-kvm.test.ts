/** A VMM that ends in the middle of a proof is told from a guest that is silent. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { VmId } from "@banger/contract/ids";
import { FakeDriver } from "@banger/vmm/fake/driver";
import { FakeHost } from "@banger/vmm/fake/host";
import { GuestChannel } from "../guest/channel/guest-channel.ts";
import { proveKvm } from "./prove-kvm.ts";

test("a VMM that crashes is not waited for, its signal is told, and nothing of the proof is left", async () => {
  const host = new FakeHost();
  const driver = new FakeDriver(host);
  const directory = await mkdtemp(join(tmpdir(), "proof-"));
  try {
    const proof = proveKvm(
      {
        ...{ driver, directory, proofMs: 60_000, newNonce: () => "bng-proof" },
        newId: () => VmId.parse("abcdefghijkl"),
        bootFiles: () => Promise.resolve({ kernel: "vmlinuz", initramfs: "initramfs" }),
        openGuest: (vmm) => {
          for (const machine of host.running) host.end(machine, { status: null, signal: "SIGSEGV" });
          return GuestChannel.open({
            connect: (waiting) => vmm.connectAgent(waiting),
            session: Buffer.alloc(16),
            build: "test",
            alive: () => host.processes.isAlive(vmm.handles.launcher),
          });
        },
      },
      { signal: AbortSignal.timeout(30_000) },
    );
    await assert.rejects(proof, (error) => AppError.is(error, "VMM_DIED") && error.facts.signal === "SIGSEGV");
    assert.deepEqual([await readdir(directory), host.processes.alive], [[], []]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
