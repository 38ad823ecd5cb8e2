/**
 * The one way in which a machine stops existing on the host: rollback, stop, delete and recovery all come here.
 *
 * It works from what is durable (nonce, handles.json, deterministic paths), not from what the caller remembers; every
 * step is safe to repeat, a step that fails stops none of the others, and a disk is removed only by a delete.
 */
import { AppError, describeChain } from "@banger/contract/errors";
import { refusedWrite } from "@banger/platform/fs/refused-write";
import { removeTree } from "@banger/platform/fs/remove-tree";
import { startDeadline, withDeadline } from "@banger/platform/time/deadline";
import { powerOff } from "../guest/power.ts";
import type { Prepared } from "./capability.ts";
import type { VmDeps } from "./deps.ts";
import { readHandles, removeHandles } from "./handles.ts";

export type Teardown = {
  /** time the guest has to power off by itself, `ms`; 0 ends it at once */
  readonly graceMs: number;
  readonly deleted: boolean;
  /** its guest is held, and must go on to power off */
  readonly paused?: boolean;
};

/** A VMM that was killed is gone in milliseconds; a host that swaps may need longer. */
export const KILL_MS = 20_000;

export async function teardown(deps: VmDeps, machine: Prepared, how: Teardown): Promise<void> {
  const failures: string[] = [];
  let refused: AppError | undefined;
  const attempt = async (what: string, run: () => Promise<void>) => {
    try {
      await run();
    } catch (error) {
      const refusal = refusedWrite(error);
      refused ??= refusal;
      failures.push(`${what}: ${refusal?.message ?? describeChain(error)}`);
      deps.log.error("teardown step failed", { machine: machine.record.id, step: what, error: describeChain(error) });
    }
  };
  await attempt("power off", () => askToPowerOff(deps, machine, how));
  await attempt("end the VMM", () => endVmm(deps, machine));
  await attempt("close the channel", () => closeLive(deps, machine));
  for (const capability of deps.capabilities.toReversed()) {
    await attempt(capability.name, async () => await capability.cleanUp?.(machine, { deleted: how.deleted }));
  }
  await attempt("remove sockets", () => deps.driver.sweep(machine.files.directory));
  await attempt("remove handles", () => removeHandles(machine.files));
  if (how.deleted) await attempt("remove files", () => removeTree(machine.files.directory, { under: deps.machines }));
  if (failures.length > 0) {
    throw new AppError(
      refused?.code ?? "INTERNAL",
      `${machine.record.name} was not cleaned up whole: ${failures.join("; ")}`,
      { facts: { machine: machine.record.id }, hint: refused?.hint ?? "`banger doctor` shows what was left." },
    );
  }
}

async function askToPowerOff(deps: VmDeps, machine: Prepared, { graceMs, paused }: Teardown): Promise<void> {
  const live = deps.live.get(machine.record.id);
  if (!live || graceMs === 0) return;
  try {
    await withDeadline(
      async (signal) => {
        if (paused) await live.process.resume({ signal });
        await powerOff(live.guest, { signal });
        await live.process.exited;
      },
      { ms: graceMs, what: `${machine.record.name} to power off` },
    );
  } catch (error) {
    // A guest that does not go by itself is ended; that is what the grace is for.
    deps.log.warn("guest did not power off", { machine: machine.record.id, error: describeChain(error) });
  }
}

async function endVmm(deps: VmDeps, machine: Prepared): Promise<void> {
  using deadline = startDeadline(undefined, { ms: KILL_MS, what: `the VMM of ${machine.record.name} to end` });
  const { signal } = deadline;
  const live = deps.live.get(machine.record.id);
  // told before it is so: whoever has a command in it is to hear this, and not of a connection that broke
  live?.guest.destroy(new AppError("VM_NOT_RUNNING", `${machine.record.name} was stopped`));
  const handles = live ? undefined : await readHandles(machine.files);
  const process =
    live?.process ?? (handles && (await deps.driver.adopt({ directory: machine.files.directory, handles })));
  await process?.kill({ signal });
  if (!process && machine.record.run) await deps.driver.endUnrecorded(machine.record.run.nonce, { signal });
}

async function closeLive(deps: VmDeps, machine: Prepared): Promise<void> {
  const live = deps.live.get(machine.record.id);
  deps.live.delete(machine.record.id);
  await live?.guest[Symbol.asyncDispose]();
  await live?.process[Symbol.asyncDispose]();
}
