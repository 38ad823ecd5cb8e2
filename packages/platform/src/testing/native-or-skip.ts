/** The addon for tests that need the kernel's own answer; where it is not built they are skipped and say so. */
import { fileURLToPath } from "node:url";
import { AppError } from "@banger/contract/errors";
import { findNative, loadNative, type Native } from "../native.ts";

type Skippable = { skip(message: string): void };

export function nativeOrSkip(t: Skippable): Native | undefined {
  const path = findNative(fileURLToPath(import.meta.url));
  if (path !== undefined) return loadNative(path);
  const why = "the native addon is not built";
  if (process.env.REQUIRE_VM === "1") throw new AppError("PREREQUISITE_MISSING", why);
  t.skip(why);
  return undefined;
}
