/** The proof itself: a machine without disks, whose agent answers from the initramfs, or does not. */
import { constants } from "node:fs";
import { access, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { isMissing } from "@banger/platform/fs/errno";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { VmmDriver, VmmExit, VmmProcess } from "@banger/vmm/driver";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import { consoleTail } from "../vm/console-tail.ts";

const PROOF_MS = 5_000;
const END_MS = 10_000;
const DEVICE = "/dev/kvm";

export type ProofDeps = {
  readonly driver: VmmDriver;
  readonly directory: string;
  readonly newId: () => VmId;
  readonly newNonce: () => string;
  readonly bootFiles: (waiting: {
    readonly signal: AbortSignal;
  }) => Promise<{ readonly kernel: string; readonly initramfs: string }>;
  readonly openGuest: (process: VmmProcess) => GuestChannel;
  /** how long the guest may take to answer, `ms`; 5 s when absent */
  readonly proofMs?: number;
};

/** Why KVM is not worth a proof: no device, or none that this user may open. */
export async function kvmObstacle(): Promise<string | undefined> {
  try {
    await access(DEVICE, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return isMissing(error) ? `${DEVICE} does not exist` : `${DEVICE} may not be opened by this user`;
  }
}

export async function proveKvm(deps: ProofDeps, { signal }: { signal: AbortSignal }): Promise<void> {
  const { kernel, initramfs } = await deps.bootFiles({ signal });
  const nonce = deps.newNonce();
  const directory = join(deps.directory, nonce); // named so that the next daemon finds what this one has left
  await mkdir(directory, { mode: 0o700 });
  try {
    const process = await deps.driver.start(
      {
        id: deps.newId(),
        directory,
        nonce,
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
      const ready = guest.ready({ signal, deadlineMs: deps.proofMs ?? PROOF_MS });
      await orItsEnd(ready, process.exited, join(directory, "vmm.log"));
    } finally {
      await process.kill({ signal: AbortSignal.timeout(END_MS) });
      await process[Symbol.asyncDispose]();
    }
  } finally {
    await removeTree(directory, { under: deps.directory });
  }
}

/** A guest whose VMM has ended is no silent one; how it ended tells whether KVM is to blame. */
async function orItsEnd(ready: Promise<unknown>, exited: Promise<VmmExit>, vmmLog: string): Promise<void> {
  try {
    await Promise.race([ready, exited.then(() => Promise.reject(new AppError("VMM_DIED", "the VMM ended")))]);
  } catch (error) {
    ready.catch(() => undefined); // the race has told the end already
    if (!AppError.is(error, "VMM_DIED")) throw error;
    const exit = await exited;
    const how = exit.signal ?? `status ${exit.status}`;
    const words = (await consoleTail(vmmLog, { lines: 1 })).join("");
    throw new AppError("VMM_DIED", `the VMM ended with ${how}${words === "" ? "" : `: ${words}`}`, {
      facts: { ...(exit.signal !== null && { signal: exit.signal }) },
    });
  }
}

/** Ends and removes what a daemon that died in the middle of a proof has left. */
export async function sweepProofs(deps: Pick<ProofDeps, "driver" | "directory">): Promise<readonly string[]> {
  const left = await readdir(deps.directory);
  for (const nonce of left) {
    await deps.driver.endUnrecorded(nonce, { signal: AbortSignal.timeout(END_MS) });
    await removeTree(join(deps.directory, nonce), { under: deps.directory });
  }
  return left;
}
