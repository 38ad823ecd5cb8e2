/**
 * A guest that lets its user wait: how far it has come is told now and then, and what it was booted from is read whole,
 * because content that was damaged after it was made is told in seconds that way, and not by the deadline.
 */
import { AppError, describeChain } from "@banger/contract/errors";
import type { OnStage } from "../operation/operation.ts";
import type { Prepared } from "./capability.ts";
import { consoleTail } from "./console-tail.ts";
import type { VmDeps } from "./deps.ts";

/** more than a boot takes where nothing is wrong */
const SLOW_MS = 10_000;
const AGAIN_MS = 15_000;

export type SlowBoot = AsyncDisposable & {
  /** what is wrong with what was booted; never resolves when nothing is */
  readonly damage: Promise<AppError>;
};

type SlowDeps = Pick<VmDeps, "clock" | "log" | "capabilities" | "bootMs">;

/** Looks on until it is disposed of. */
export function watchSlowBoot(deps: SlowDeps, machine: Prepared, { onStage }: { onStage: OnStage }): SlowBoot {
  const over = new AbortController();
  const { signal } = over;
  const { promise: damage, resolve } = Promise.withResolvers<AppError>();
  const look = async () => {
    await deps.clock.sleep(SLOW_MS, { signal });
    const found = await findDamage(deps, machine, { signal });
    if (found) resolve(found);
  };
  const watching = Promise.allSettled([tell(deps, machine, { signal, onStage }), look()]);
  return {
    damage,
    async [Symbol.asyncDispose]() {
      over.abort(new Error("the guest is not waited for any more"));
      await watching;
    },
  };
}

async function tell(
  { clock, bootMs }: SlowDeps,
  { files }: Prepared,
  { signal, onStage }: { signal: AbortSignal; onStage: OnStage },
): Promise<never> {
  const begun = clock.monotonic();
  for (let pauseMs = SLOW_MS; ; pauseMs = AGAIN_MS) {
    await clock.sleep(pauseMs, { signal });
    const [line] = await consoleTail(files.console, { lines: 1 });
    signal.throwIfAborted();
    const waited = `waited ${Math.round((clock.monotonic() - begun) / 1000)} s of ${Math.round(bootMs / 1000)} s for the guest`;
    const note =
      line === undefined ? `${waited}, whose console is empty` : `${waited}, whose console ends with: ${line}`;
    onStage({ name: "boot", note });
  }
}

/** Content of the right size passes every check before a start; when its guest does not come up, all of it is read. */
export async function findDamage(
  deps: Pick<SlowDeps, "capabilities" | "log">,
  machine: Prepared,
  { signal }: { signal: AbortSignal },
): Promise<AppError | undefined> {
  try {
    for (const capability of deps.capabilities) await capability.verify?.(machine, { signal });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn("content is damaged", { machine: machine.record.id, error: describeChain(error) });
    return AppError.is(error, "IMAGE_CORRUPT") || AppError.is(error, "KERNEL_CORRUPT") ? error : undefined;
  }
}
