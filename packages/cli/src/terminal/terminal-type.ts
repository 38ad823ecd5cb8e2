/** A program with a terminal must know which one it is: ours. */
import type { Env } from "../program/context.ts";

/** Goes before what was asked for by name, which wins. */
export function terminalType({ TERM: type }: Env): readonly string[] {
  return type === undefined || type === "" ? [] : [`TERM=${type}`];
}
