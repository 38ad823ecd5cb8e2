/** Tells in the state directory which socket its daemon serves. It is a help for others: that it can not be told stops nothing. */
import { unlink } from "node:fs/promises";
import type { DaemonHolder } from "@banger/contract/daemon/holder";
import { describeChain } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { Logger } from "@banger/platform/log";

/** Until disposed. Only the daemon that has the lock may call this. */
export async function tellHolder(path: string, holder: DaemonHolder, log: Logger): Promise<AsyncDisposable> {
  try {
    await atomicWrite(path, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    log.warn("clients with another runtime directory will not find this daemon", { path, error: describeChain(error) });
  }
  return { [Symbol.asyncDispose]: () => forgetHolder(path) };
}

/** What a daemon that was killed has left; the lock is ours, so it is not there any more. */
export async function forgetHolder(path: string): Promise<void> {
  await unlink(path).catch(() => undefined); // there is none, or the disk refuses: nobody answers at what it names
}
