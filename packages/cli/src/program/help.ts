/** Help texts, made of the commands' data, within 80 columns. */
import { catalog, type Entry, nouns } from "./catalog.ts";
import { type CommandData, type OptionSpec, placeholder } from "./command.ts";
import { shortestName } from "./find-command.ts";

const COLUMNS = 80;
const GAP = 2;

export function overviewHelp(noun: string | undefined): string {
  return noun === undefined ? programHelp() : nounHelp(noun);
}

function programHelp(): string {
  const own = catalog.filter(({ path }) => path.length === 1 || path[0] === "vm");
  const rows = own.map((entry): Row => [entry.path.at(-1) ?? "", entry.summary]);
  const groups = Object.keys(nouns).filter((noun) => noun !== "vm");
  return joined([
    "banger gives you a whole Linux machine in the time of a command.",
    "Usage: banger COMMAND [ARGUMENTS]",
    section("Commands", rows),
    section(
      "Groups of commands",
      groups.map((noun): Row => [`${noun} ...`, `${nouns[noun]}: ${verbsOf(noun).join(", ")}`]),
    ),
    section("Examples", [
      ["banger run", "a machine of your own, and a shell in it"],
      ["banger run --rm -- uname -a", "one command in a fresh machine"],
      ["banger list", "the machines that there are"],
    ]),
    "`banger COMMAND --help` tells more about a command.",
  ]);
}

function nounHelp(noun: string): string {
  const entries = catalog.filter(({ path }) => path[0] === noun);
  return joined([
    `banger ${noun}: ${nouns[noun]}.`,
    `Usage: banger ${noun} COMMAND [ARGUMENTS]`,
    section(
      "Commands",
      entries.map((entry): Row => [entry.path.slice(1).join(" "), entry.summary]),
    ),
    `\`banger ${noun} COMMAND --help\` tells more about a command.`,
  ]);
}

export function commandHelp(entry: Entry, data: CommandData): string {
  const name = shortestName(entry);
  const also = [entry.path, ...entry.aliases].map((words) => words.join(" ")).filter((words) => words !== name);
  const args = Object.entries(data.args).map(([word, { help }]): Row => [placeholder(word), help]);
  const options = Object.entries(data.options).map(([long, spec]): Row => [optionFlags(long, spec), spec.help]);
  return joined([
    `Usage: banger ${name} ${usageTail(data)}`.trimEnd(),
    wrap(data.description, { width: COLUMNS, indent: 0 }),
    args.length === 0 ? "" : section("Arguments", args),
    section("Options", [...options, ["-h, --help", "show this"]]),
    section(
      "Examples",
      data.examples.map(({ line, help }): Row => [line, help]),
    ),
    also.length === 0 ? "" : `Also: ${also.map((words) => `banger ${words}`).join(", ")}`,
  ]);
}

function usageTail(data: CommandData): string {
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

function verbsOf(noun: string): string[] {
  return catalog.filter(({ path }) => path[0] === noun).map(({ path }) => path[1] ?? "");
}

type Row = readonly [string, string];

/** A column of words and a column of explanations; where a word is long, its explanation goes below. */
function section(title: string, rows: readonly Row[]): string {
  const widest = Math.max(...rows.map(([word]) => word.length));
  const width = Math.min(widest, 30);
  const indent = width + 2 * GAP;
  const lines = rows.map(([word, help]) => {
    const text = wrap(help, { width: COLUMNS, indent });
    const head = `  ${word}`;
    return word.length > width ? `${head}\n${" ".repeat(indent)}${text}` : `${head.padEnd(indent)}${text}`;
  });
  return [`${title}:`, ...lines].join("\n");
}

function wrap(text: string, { width, indent }: { width: number; indent: number }): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width - indent)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}

function joined(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
