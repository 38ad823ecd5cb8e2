/**
 * What may stand where the cursor is, from the words before it: commands, options, values, names. It knows the commands' own
 * data and nothing else; names that only a daemon knows are asked of `names`.
 */
import { catalog, type Entry, nouns } from "../program/catalog.ts";
import type { CommandData, Completes, MachinePart, OptionSpec, RefKind } from "../program/command.ts";
import { readWords } from "./read-words.ts";

export type Candidate = { readonly value: string; readonly help: string };

export type Offer = {
  readonly candidates: readonly Candidate[];
  /** what the shell adds of its own */
  readonly paths: "none" | "files" | "directories";
};

export type GuestDirectory = {
  readonly machine: string;
  /** as typed, with the slash at its end; empty for where paths begin */
  readonly directory: string;
};

export type Sources = {
  /** of the things that there are; none when that can not be said at once */
  names(kind: RefKind): Promise<readonly Candidate[]>;
  /** of a machine; none when that can not be said at once */
  parts(part: MachinePart["part"], machine: string): Promise<readonly Candidate[]>;
  /** what a directory of a machine holds, as it would be typed; none when that can not be said at once */
  guestPaths(directory: GuestDirectory): Promise<readonly Candidate[]>;
  /** names of this environment's variables */
  readonly variables: readonly string[];
};

const NOTHING: Offer = { candidates: [], paths: "none" };
const HELP = { value: "--help", help: "show what it takes" };

/** `words`: without the program's name; the last one is the word at the cursor, as far as it is typed. */
export async function complete(words: readonly string[], sources: Sources): Promise<Offer> {
  const current = words.at(-1) ?? "";
  const offer = await offerFor(words, sources);
  const candidates = offer.candidates.filter(({ value }) => value.startsWith(current));
  return { ...offer, candidates };
}

async function offerFor(words: readonly string[], sources: Sources): Promise<Offer> {
  const [first, second] = words;
  if (first === undefined || words.length === 1) return only(firstWords(first ?? ""));
  if (first === "help") return words.length > 3 ? NOTHING : only(helpWords(words.slice(1)));
  if (Object.hasOwn(nouns, first) && words.length === 2) return only(verbs(first));
  const isNoun = Object.hasOwn(nouns, first);
  const entry = lookUp(isNoun ? `${first} ${second}` : first);
  if (!entry) return NOTHING;
  const { command } = await entry.load();
  return await within(command, words.slice(isNoun ? 2 : 1), sources);
}

function firstWords(current: string): Candidate[] {
  if (current.startsWith("-")) return [HELP, { value: "--version", help: "tell which build this is" }];
  return [
    ...named(([word, more]) => (more === undefined ? word : undefined)),
    ...Object.entries(nouns).map(([value, help]) => ({ value, help: `${help}: more commands` })),
    { value: "help", help: "tell about a command" },
  ];
}

function helpWords(words: readonly string[]): Candidate[] {
  const [first = ""] = words;
  if (words.length > 1) return Object.hasOwn(nouns, first) ? verbs(first) : [];
  return firstWords("").filter(({ value }) => value !== "help");
}

function verbs(noun: string): Candidate[] {
  return named(([word, verb]) => (word === noun ? verb : undefined));
}

/** One word of each command's first name that has such a word; aliases work, and are not offered. */
function named(wordOf: (words: readonly string[]) => string | undefined): Candidate[] {
  return catalog.flatMap(({ path, aliases, summary }) => {
    const value = [path, ...aliases].map(wordOf).find((word) => word !== undefined);
    return value === undefined ? [] : [{ value, help: summary }];
  });
}

function lookUp(name: string): Entry | undefined {
  return catalog.find(({ path, aliases }) => [path, ...aliases].some((words) => words.join(" ") === name));
}

/** `words` are those behind the command's name. */
async function within(data: CommandData, words: readonly string[], sources: Sources): Promise<Offer> {
  const current = words.at(-1) ?? "";
  const { taken, given, awaiting, behind } = readWords(words.slice(0, -1), data);
  if (behind) return { candidates: [], paths: "files" };
  const asked = { sources, machine: taken[0], current };
  if (awaiting) return await values(awaiting.completes, asked);
  const joined = /^(--[a-z-]+=)/.exec(current)?.[1];
  if (joined !== undefined) {
    const { candidates } = await values(data.options[joined.slice(2, -1)]?.completes, asked);
    return only(candidates.map(({ value, help }) => ({ value: joined + value, help })));
  }
  const specs = Object.values(data.args);
  const last = specs.at(-1);
  const spec = specs[taken.length] ?? (last?.arity === "some" || last?.arity === "rest" ? last : undefined);
  if (current.startsWith("-") && !(data.optionsFirst && taken.length > 0)) return only(options(data, given));
  if (!spec) return only(options(data, given));
  const offer = await values(spec.completes, asked);
  // What was named already is not named again.
  return { ...offer, candidates: offer.candidates.filter(({ value }) => !taken.includes(value)) };
}

function options(data: CommandData, given: readonly string[]): Candidate[] {
  const left = Object.entries(data.options).filter(([name, { repeat }]) => repeat || !given.includes(name));
  return [
    ...left.map(([name, { help }]: [string, OptionSpec]) => ({ value: `--${name}`, help })),
    HELP,
    ...(data.takesCommand ? [{ value: "--", help: "the command in the machine follows" }] : []),
  ];
}

type Asked = { readonly sources: Sources; readonly machine: string | undefined; readonly current: string };

async function values(completes: Completes | undefined, { sources, machine, current }: Asked): Promise<Offer> {
  if (completes === undefined || completes === "nothing") return NOTHING;
  if (completes === "files" || completes === "directories") return { candidates: [], paths: completes };
  if (completes === "variables") return only(sources.variables.map((value) => ({ value, help: "" })));
  if (completes === "places") {
    const place = /^([^/:]+):((?:.*\/)?)([^/]*)$/s.exec(current);
    if (place) return only(await inMachine(place, sources));
    const machines = await sources.names({ ref: "machine", in: ["running"] });
    return { candidates: machines.map(({ value, help }) => ({ value: `${value}:`, help })), paths: "files" };
  }
  if ("part" in completes) return machine === undefined ? NOTHING : only(await sources.parts(completes.part, machine));
  if ("values" in completes) return only(completes.values.map((value) => ({ value, help: "" })));
  return only(await sources.names(completes));
}

/** Of hidden files only those that are asked for. */
async function inMachine(
  [, machine = "", directory = "", begun = ""]: RegExpExecArray,
  sources: Sources,
): Promise<Candidate[]> {
  const found = await sources.guestPaths({ machine, directory });
  const seen = found.filter(({ value }) => begun.startsWith(".") || !value.startsWith("."));
  return seen.map(({ value, help }) => ({ value: `${machine}:${directory}${value}`, help }));
}

function only(candidates: readonly Candidate[]): Offer {
  return { candidates, paths: "none" };
}
