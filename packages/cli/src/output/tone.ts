/** Colours, where they are wanted and can be shown. They only repeat what words say, and mean nothing alone. */
import type { Env } from "../program/context.ts";

export type Tone = "good" | "busy" | "bad" | "faint";

/** The terminal's own colours, which its user has chosen to be readable. */
const CODES: Readonly<Record<Tone, number>> = { good: 32, busy: 33, bad: 31, faint: 2 };

const STATES: Readonly<Record<string, Tone>> = {
  ...{ running: "good", done: "good", ok: "good" },
  ...{ starting: "busy", stopping: "busy", paused: "busy", warn: "busy" },
  ...{ failed: "bad", fail: "bad" },
  ...{ stopped: "faint", cancelled: "faint" },
};

/** What a state is like, of whatever it is the state. */
export function stateTone(state: string): Tone | undefined {
  return Object.hasOwn(STATES, state) ? STATES[state] : undefined;
}

/** `NO_COLOR` with any value but an empty one, and terminals that are dumb or do not say what they are, want none. */
export function wantsColor({ NO_COLOR: no = "", TERM: type = "" }: Env): boolean {
  return no === "" && type !== "" && type !== "dumb";
}

export function colored(tone: Tone, text: string): string {
  return `\x1b[${CODES[tone]}m${text}\x1b[0m`;
}
