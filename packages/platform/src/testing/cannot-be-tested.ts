/** A test that needs something of the host which that lacks: skipped with the reason, or failed where nothing may be lacking. */
import { AppError } from "@banger/contract/errors";

export type Skippable = { skip(message: string): void };

export function cannotBeTested(t: Skippable, why: string): void {
  if (process.env.REQUIRE_VM === "1") throw new AppError("PREREQUISITE_MISSING", why);
  t.skip(why);
}
