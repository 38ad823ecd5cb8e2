/** The keys that leave a command at a terminal: as asked for, as configured, or docker's. */
import { defaultDetachKeys } from "../arguments/detach-keys.ts";
import type { Context } from "../program/context.ts";

/** Without a terminal there are no keys, and no file is read. */
export async function chosenDetachKeys(
  { asked, tty }: { asked: Buffer | undefined; tty: boolean },
  { settings }: Context,
): Promise<Buffer> {
  if (asked !== undefined || !tty) return asked ?? defaultDetachKeys;
  return (await settings("none")).values["detach-keys"] ?? defaultDetachKeys;
}
