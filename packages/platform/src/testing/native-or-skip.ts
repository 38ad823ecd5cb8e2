/** The addon for tests that need the kernel's own answer; where it is not built they are skipped and say so. */
import { fileURLToPath } from "node:url";
import { findNative, loadNative, type Native } from "../native.ts";
import { cannotBeTested, type Skippable } from "./cannot-be-tested.ts";

export function nativeOrSkip(t: Skippable): Native | undefined {
  const path = findNative(fileURLToPath(import.meta.url));
  if (path !== undefined) return loadNative(path);
  cannotBeTested(t, "the native addon is not built");
  return undefined;
}
