/** Work that is undone when it fails; what could not be undone is told beside the first cause, and never replaces it. */
import { AppError, describeChain } from "@banger/contract/errors";
import { isOutOfSpace } from "@banger/platform/fs/errno";
import { refusedWrite } from "@banger/platform/fs/refused-write";
import type { Logger } from "@banger/platform/log";
import { type Leak, Rollback } from "@banger/platform/rollback";

/** Undoing a start kills a VMM and removes files. */
const UNDO_MS = 30_000;

export async function undoing<T>(
  what: { readonly name: string; readonly log: Logger },
  work: (rollback: Rollback) => Promise<T>,
): Promise<T> {
  const rollback = new Rollback({ budgetMs: UNDO_MS });
  try {
    const done = await work(rollback);
    rollback.commit();
    return done;
  } catch (error) {
    await rollback[Symbol.asyncDispose]();
    throw withLeaks(explained(error, what.name), { ...what, leaks: rollback.leaks });
  }
}

/** A full disk can show at any write; it is the host's trouble and no bug. */
function explained(error: unknown, name: string): unknown {
  if (AppError.is(error) || !isOutOfSpace(error)) return refusedWrite(error) ?? error;
  return new AppError("DISK_FULL", `no space left on the disk for the files of ${name}`, {
    facts: { machine: name },
    cause: error,
  });
}

function withLeaks(
  error: unknown,
  { name, log, leaks }: { name: string; log: Logger; leaks: readonly Leak[] },
): unknown {
  if (leaks.length === 0) return error;
  const left = leaks.map((leak) => `${leak.step}: ${describeChain(leak.error)}`);
  log.error("not undone", { machine: name, left });
  if (!AppError.is(error)) return error;
  return new AppError(error.code, `${error.message}; and ${name} was not cleaned up whole`, {
    facts: { ...error.facts, left: left.join("; ") },
    hint: "`banger delete` tries again, and `banger doctor` shows what was left.",
    cause: error,
  });
}
