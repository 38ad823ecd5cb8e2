/** An error as the daemon tells it, to be thrown here. Without schemas, which a short command has no time to make. */
import type { ErrorView } from "@banger/contract/daemon/operation";
import { AppError, isErrorCode } from "@banger/contract/errors";

/** A newer daemon may know codes that we do not. */
export function appErrorOf({ code, message, hint, facts = {} }: ErrorView): AppError {
  return new AppError(isErrorCode(code) ? code : "INTERNAL", message, { facts, ...(hint !== undefined && { hint }) });
}
