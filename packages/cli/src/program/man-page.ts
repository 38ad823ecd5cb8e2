/** Manual pages in roff, made of the same data as parser and help: one of the program, and one of each command. */
import { catalog, type Entry, nouns } from "./catalog.ts";
import { type CommandData, type OptionSpec, placeholder } from "./command.ts";
import { commandStatuses, exitStatuses } from "./exit-statuses.ts";
import { shortestName } from "./find-command.ts";
import { needlessText, optionHelp, usageTail } from "./help.ts";

type Made = { readonly version: string };
/** what is explained, and the explanation; both are roff already */
type Item = readonly [string, string];

/** By the names of their files. */
export async function manPages(made: Made): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([["banger.1", programPage(made)]]);
  for (const entry of catalog) {
    pages.set(`${pageName(entry)}.1`, commandPage(entry, { ...made, data: (await entry.load()).command }));
  }
  return pages;
}

function programPage(made: Made): string {
  const groups = ["vm", ...Object.keys(nouns).filter((noun) => noun !== "vm")];
  const of = (noun: string | undefined) =>
    catalog.filter(({ path }) => (path.length === 1 ? undefined : path[0]) === noun).map(summaryOf);
  return page("banger", made, [
    section("NAME", "banger \\- a whole Linux machine in the time of a command"),
    section("SYNOPSIS", `${bold("banger")} ${italic("COMMAND")} [${italic("ARGUMENTS")}]`),
    section(
      "DESCRIPTION",
      text(
        "Makes machines with a kernel, disks and processes of their own, runs commands in them, and leaves nothing behind. " +
          "The verbs of vm stand alone, too: `banger vm list` is `banger list`.",
      ),
    ),
    ...groups.map((noun) =>
      section(`COMMANDS: ${noun.toUpperCase()}`, `${text(nouns[noun] ?? "")}.\n${items(of(noun))}`),
    ),
    section("OTHER COMMANDS", items(of(undefined))),
    section("EXIT STATUS", items(exitStatuses.map(([status, means]) => [bold(status), text(means)]))),
    section("FILES", items(files.map(([path, what]) => [italic(path), text(what)]))),
  ]);
}

const files = [
  ["~/.config/banger/config.toml", "what is configured; banger-config-show(1) tells what holds"],
  [".banger.toml", "the same for a project, in its directory"],
  ["~/.local/share/banger", "machines, images, kernels, the database, and the daemon's log"],
  ["~/.cache/banger", "downloads and compiled code"],
] as const;

function commandPage(entry: Entry, { data, version }: Made & { data: CommandData }): string {
  const name = shortestName(entry);
  const also = [entry.path, ...entry.aliases].map((words) => words.join(" ")).filter((words) => words !== name);
  const args = Object.entries(data.args).map(([word, { help }]): Item => [italic(placeholder(word)), text(help)]);
  const options = Object.entries(data.options).map(([long, spec]): Item => [flags(long, spec), text(optionHelp(spec))]);
  return page(pageName(entry), { version }, [
    section("NAME", `${literal(pageName(entry))} \\- ${text(entry.summary)}`),
    section(
      "SYNOPSIS",
      [`${bold(`banger ${name}`)} ${literal(usageTail(data))}`, ...also.map((words) => bold(`banger ${words}`))].join(
        "\n.br\n",
      ),
    ),
    section("DESCRIPTION", text(data.description)),
    args.length === 0 ? "" : section("ARGUMENTS", items(args)),
    section("OPTIONS", items([...options, [bold("-h, --help"), "show a short help"]])),
    data.needless ? text(needlessText(data.needless)) : "",
    section("EXIT STATUS", statuses(data)),
    section("EXAMPLES", items(data.examples.map(({ line, help }): Item => [bold(line), text(help)]))),
    section("SEE ALSO", `${bold("banger")}(1)`),
  ]);
}

function statuses({ status }: CommandData): string {
  const own = items(commandStatuses.map(([number, means]) => [bold(number), text(means)]));
  const ours = "Those of\n.BR banger (1).";
  if (status === undefined) return ours;
  return status === "of-command" ? own : `With CMD:\n${own}\n.PP\nWithout CMD: those of\n.BR banger (1).`;
}

function summaryOf(entry: Entry): Item {
  return [`${bold(pageName(entry))}(1)`, text(entry.summary)];
}

function pageName(entry: Entry): string {
  return `banger-${shortestName(entry).replaceAll(" ", "-")}`;
}

function page(name: string, { version }: Made, sections: readonly string[]): string {
  const head = `.TH ${name.toUpperCase().replaceAll("-", "\\-")} 1 "" "banger ${version}" "banger"`;
  // Lines of examples are not broken at hyphens, nor stretched.
  return `${[head, ".nh", ".ad l", ...sections.filter((part) => part !== "")].join("\n")}\n`;
}

function section(title: string, body: string): string {
  return `.SH "${title}"\n${body}`;
}

function items(rows: readonly Item[]): string {
  return rows.map(([word, help]) => `.TP\n${word}\n${help}`).join("\n");
}

function flags(long: string, { short, value }: OptionSpec): string {
  const names = bold(short === undefined ? `--${long}` : `-${short}, --${long}`);
  return value === undefined ? names : `${names} ${italic(value)}`;
}

function bold(words: string): string {
  return `\\fB${literal(words)}\\fR`;
}

function italic(words: string): string {
  return `\\fI${literal(words)}\\fR`;
}

/** Running text; what stands between backquotes is typed. */
function text(words: string): string {
  const parts = words.split("`").map((part, index) => (index % 2 === 1 ? bold(part) : escaped(part)));
  return guarded(parts.join(""));
}

/** What is typed keeps its hyphens, so that it can be copied. */
function literal(words: string): string {
  return guarded(escaped(words).replaceAll("-", "\\-"));
}

function escaped(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("~", "\\(ti").replaceAll("^", "\\(ha").replaceAll("'", "\\(aq");
}

/** A dot at the beginning of a line would be a request. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}
