/** A name, or the beginning of an id. What can not be either is refused before the daemon is asked. */
import { AppError } from "@banger/contract/errors";
import type { Ref } from "@banger/contract/ids";
import { MAX_REF_CHARACTERS } from "@banger/contract/ref";

export function parseRef(text: string): Ref {
  if (text.length > 0 && text.length <= MAX_REF_CHARACTERS) return text;
  const what = text === "" ? "an empty name" : `a name of ${text.length} characters`;
  throw new AppError("USAGE", `nothing has ${what}`, { hint: "Give a name, or the beginning of an id." });
}
