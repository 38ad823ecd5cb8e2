/** What was interrupted between a stop and a start leaves the machine without the one or the other, and says so. */
import { AppError } from "@banger/contract/errors";

export function halfway(error: unknown, ref: string): unknown {
  if (!AppError.is(error, "CANCELLED")) return error;
  const { message, facts } = error;
  const hint = `${ref} may be stopped now: \`banger list\` tells, and \`banger start\` starts it.`;
  return new AppError("CANCELLED", message, { facts, hint, cause: error });
}
