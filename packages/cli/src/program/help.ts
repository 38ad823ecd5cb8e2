/** Help texts, made of the commands' data, within 80 columns, or those of a narrower terminal. */
import type { Screen } from "../output/table.ts";
import { wrapText } from "../output/text-width.ts";
import { catalog, type Entry, nouns, partOf, parts } from "./catalog.ts";
import { type CommandData, type OptionSpec, placeholder } from "./command.ts";
import { shortestName } from "./find-command.ts";

const COLUMNS = 80;
const GAP = 2;
/** of a line, for the words that are explained */
const WORDS = 3 / 8;
/** columns that an explanation needs beside its word; with fewer it goes below */
const LEAST_BESIDE = 24;
/** how far below it is set in, then */
const BELOW = 6;

/** What help is made for: a wider line is not read more easily. */
export function helpWidth({ width = COLUMNS }: Pick<Screen, "width">): number {
  return Math.min(COLUMNS, width);
}

export function overviewHelp(noun: string | undefined, width = COLUMNS): string {
  return noun === undefined ? programHelp(width) : nounHelp(noun, width);
}

function programHelp(width: number): string {
  const rows = (part: string) =>
    catalog.filter((entry) => partOf(entry) === part).map((entry): Row => [entry.path.at(-1) ?? "", entry.summary]);
  const widest = widestOf(Object.keys(parts).flatMap(rows));
  const groups = Object.keys(nouns).filter((noun) => noun !== "vm");
  return joined([
    wrapText("banger gives you a whole Linux machine in the time of a command.", { width, indent: 0 }),
    "Usage: banger COMMAND [ARGUMENTS]",
    ...Object.entries(parts).map(([part, title]) => section(title, rows(part), { width, widest })),
    section(
      "Groups of commands",
      groups.map((noun): Row => [`${noun} ...`, `${nouns[noun]}: ${verbsOf(noun).join(", ")}`]),
      { width },
    ),
    section("Examples", EXAMPLES, { width }),
    wrapText("`banger COMMAND --help` tells more about a command.", { width, indent: 0 }),
  ]);
}

function nounHelp(noun: string, width: number): string {
  const entries = catalog.filter(({ path }) => path[0] === noun);
  return joined([
    wrapText(`banger ${noun}: ${nouns[noun]}.`, { width, indent: 0 }),
    `Usage: ${wrapText(`banger ${noun} COMMAND [ARGUMENTS]`, { width, indent: "Usage: ".length })}`,
    section(
      "Commands",
      entries.map((entry): Row => [entry.path.slice(1).join(" "), entry.summary]),
      { width },
    ),
    wrapText(`\`banger ${noun} COMMAND --help\` tells more about a command.`, { width, indent: 0 }),
  ]);
}

export function commandHelp(entry: Entry, data: CommandData, width = COLUMNS): string {
  const name = shortestName(entry);
  const also = [entry.path, ...entry.aliases].map((words) => words.join(" ")).filter((words) => words !== name);
  const args = Object.entries(data.args).map(([word, { help }]): Row => [placeholder(word), help]);
  const options = Object.entries(data.options).map(([long, spec]): Row => [optionFlags(long, spec), optionHelp(spec)]);
  return joined([
    `Usage: ${wrapText(`banger ${name} ${usageTail(data)}`, { width, indent: "Usage: ".length })}`,
    wrapText(data.description, { width, indent: 0 }),
    args.length === 0 ? "" : section("Arguments", args, { width }),
    section("Options", [...options, ["-h, --help", "show this"]], { width }),
    data.needless ? wrapText(needlessText(data.needless), { width, indent: 0 }) : "",
    section(
      "Examples",
      data.examples.map(({ line, help }): Row => [line, help]),
      { width },
    ),
    also.length === 0
      ? ""
      : `Also: ${wrapText(also.map((words) => `banger ${words}`).join(", "), { width, indent: "Also: ".length })}`,
  ]);
}

export function usageTail(data: CommandData): string {
  const args = Object.entries(data.args).map(([name, { arity }]) => {
    const word = placeholder(name);
    return { one: word, optional: `[${word}]`, some: `${word}...`, rest: `[${word}...]` }[arity];
  });
  return ["[OPTIONS]", ...args, ...(data.takesCommand ? ["[-- CMD...]"] : [])].join(" ");
}

function optionFlags(long: string, { short, value }: OptionSpec): string {
  const flags = short === undefined ? `    --${long}` : `-${short}, --${long}`;
  return value === undefined ? flags : `${flags} ${value}`;
}

export function needlessText(flags: readonly string[]): string {
  return `Accepted, too, and without effect: ${flags.join(", ")}.`;
}

export function optionHelp({ help, repeat }: OptionSpec): string {
  return repeat ? `${help}; may be given several times` : help;
}

function verbsOf(noun: string): string[] {
  return catalog.filter(({ path }) => path[0] === noun).map(({ path }) => path[1] ?? "");
}

const EXAMPLES: readonly Row[] = [
  ["banger run", "a machine of your own, and a shell in it"],
  ["banger run --rm -- uname -a", "one command in a fresh machine"],
  ["banger list", "the machines that there are"],
];

type Row = readonly [string, string];

type Room = {
  readonly width: number;
  /** of the words, where several sections are to stand in line */
  readonly widest?: number;
};

function widestOf(rows: readonly Row[]): number {
  return Math.max(...rows.map(([word]) => word.length));
}

/** A column of words and a column of explanations; where a word is long, its explanation goes below. */
function section(title: string, rows: readonly Row[], { width, widest = widestOf(rows) }: Room): string {
  const column = Math.min(widest, Math.floor(width * WORDS));
  const indent = width - column - 2 * GAP < LEAST_BESIDE ? BELOW : column + 2 * GAP;
  const lines = rows.map(([word, help]) => {
    const text = wrapText(help, { width, indent });
    const head = `  ${word}`;
    return head.length + GAP > indent ? `${head}\n${" ".repeat(indent)}${text}` : `${head.padEnd(indent)}${text}`;
  });
  return [`${title}:`, ...lines].join("\n");
}

function joined(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
