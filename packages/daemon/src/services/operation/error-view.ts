/** An error as a client is told of it: code, message, hint and facts. The cause stays in the log. */
import type { ErrorView } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import { refusedWrite } from "@banger/platform/fs/refused-write";

export function errorView(error: unknown): ErrorView {
  const known = AppError.is(error)
    ? error
    : (refusedWrite(error) ??
      new AppError("INTERNAL", "the daemon failed in a way it did not expect", { cause: error }));
  return { code: known.code, message: known.message, hint: known.hint, facts: { ...known.facts } };
}
