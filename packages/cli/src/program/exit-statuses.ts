/** What the exit statuses mean, for people; the numbers are those of the error catalogue. */
import { EXIT } from "@banger/contract/errors";

export const exitStatuses: readonly (readonly [string, string])[] = [
  ["0", "done"],
  [String(EXIT.usage), "the request is wrong: an unknown command or option, a name or size that breaks the rules"],
  [
    String(EXIT.environment),
    "something is missing or wrong on this host, or in a machine: a package, space, memory, a state that can not be written, a guest that fails",
  ],
  [String(EXIT.notFound), "there is nothing of that name"],
  [String(EXIT.conflict), "it is in the way of something else: a name that is taken, a machine that is busy"],
  [String(EXIT.unavailable), "no answer, or not in time: of the daemon, or of a machine's monitor"],
  [String(EXIT.internal), "a bug in banger"],
  ["128+N", "signal N ended the command, or us"],
  ["141", "whoever read the output went away"],
];

/** Of commands whose status is that of a command in a machine. */
export const commandStatuses: readonly (readonly [string, string])[] = [
  ["N", "the command's own, 128+N if signal N ended it"],
  ["125", "a failure of banger's own"],
  ["126", "the command can not be executed"],
  ["127", "the command was not found"],
  [String(EXIT.environment), "a prerequisite is missing on this host"],
];
