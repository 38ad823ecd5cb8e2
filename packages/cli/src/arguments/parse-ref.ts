/** A name, or the beginning of an id. What can not be either is refused before the daemon is asked. */

import { AppError } from "@banger/contract/errors";
import { Ref } from "@banger/contract/ids";

export function parseRef(text: string): Ref {
  const parsed = Ref.safeParse(text);
  if (parsed.success) return parsed.data;
  const what = text === "" ? "an empty name" : `a name of ${text.length} characters`;
  throw new AppError("USAGE", `nothing has ${what}`, { hint: "Give a name, or the beginning of an id." });
}
