/** The proof itself: a machine without disks, whose agent answers from the initramfs, or does not. */
import { constants } from "node:fs";
import { access, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { VmId } from "@banger/contract/ids";
import { removeTree } from "@banger/platform/fs/remove-tree";
import { withDeadline } from "@banger/platform/time/deadline";
import type { VmmDriver, VmmProcess } from "@banger/vmm/driver";
import type { GuestChannel } from "../guest/guest-channel.ts";

const PROOF_MS = 5_000;
const END_MS = 10_000;
const DEVICE = "/dev/kvm";

export type ProofDeps = {
  readonly driver: VmmDriver;
  readonly directory: string;
  readonly newId: () => VmId;
  readonly newNonce: () => string;
  readonly bootFiles: () => Promise<{ readonly kernel: string; readonly initramfs: string }>;
  readonly openGuest: (process: VmmProcess) => GuestChannel;
};

/** Why KVM is not worth a proof: no device, or none that this user may open. */
export async function kvmObstacle(): Promise<string | undefined> {
  try {
    await access(DEVICE, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return missing ? `${DEVICE} does not exist` : `${DEVICE} may not be opened by this user`;
  }
}

export async function proveKvm(deps: ProofDeps, { signal }: { signal: AbortSignal }): Promise<void> {
  const { kernel, initramfs } = await deps.bootFiles();
  const directory = await mkdtemp(join(deps.directory, "proof-"));
  try {
    const process = await deps.driver.start(
      {
        id: deps.newId(),
        directory,
        nonce: deps.newNonce(),
        vcpus: 1,
        memoryMib: 256,
        kernel: { path: kernel, initramfs },
        commandLine: ["banger.init=none"],
        disks: [],
        accelerator: "kvm",
        network: "none",
      },
      { signal },
    );
    try {
      await using guest = deps.openGuest(process);
      const answered = (late: AbortSignal) => guest.ready({ signal: late, deadlineMs: PROOF_MS });
      await withDeadline(answered, { signal, ms: PROOF_MS, what: "a guest's answer under KVM" });
    } finally {
      await process.kill({ signal: AbortSignal.timeout(END_MS) });
      await process[Symbol.asyncDispose]();
    }
  } finally {
    await removeTree(directory, { under: deps.directory });
  }
}
