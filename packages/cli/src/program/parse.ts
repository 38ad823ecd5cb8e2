/** From a command's arguments to the values that its body takes. Every complaint is a USAGE error of one line. */
import { AppError } from "@banger/contract/errors";
import { CommanderError, Command as Parser } from "commander";
import {
  type ArgumentSpecs,
  type CommandData,
  type Given,
  type Input,
  type OptionSpecs,
  placeholder,
} from "./command.ts";
import { suggest } from "./suggest.ts";

export type Parse = { readonly name: string; readonly data: CommandData; readonly given: Given };
export type ParsedInput = Input<ArgumentSpecs, OptionSpecs> | "help";

export function parseInput(argv: readonly string[], options: Parse): ParsedInput {
  const { data } = options;
  const { own, behind } = split(argv, data);
  const parser = makeParser(data);
  try {
    parser.parse(own, { from: "user" });
  } catch (error) {
    throw complaint(error, options);
  }
  const raw: Readonly<Record<string, unknown>> = parser.opts();
  if (raw.help === true) return "help";
  refuseNumbers(parser.args, options);
  if (behind && !data.takesCommand) throw usage(options, `takes nothing behind \`--\``);
  if (behind?.length === 0) throw usage(options, "needs a command behind `--`");
  return {
    args: readArguments(parser.args, options),
    options: readOptions(raw, options),
    command: behind,
  };
}

function split(argv: readonly string[], data: CommandData): { own: string[]; behind: string[] | undefined } {
  const at = data.optionsFirst ? -1 : argv.indexOf("--");
  return at === -1 ? { own: [...argv], behind: undefined } : { own: argv.slice(0, at), behind: argv.slice(at + 1) };
}

/** What it is asked is kept as text, in lists: our own specs say what it means. */
function makeParser(data: CommandData): Parser {
  const parser = new Parser()
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .helpOption(false)
    .option("-h, --help")
    .argument("[args...]")
    .passThroughOptions(data.optionsFirst ?? false);
  for (const [name, { short, value }] of Object.entries(data.options)) {
    const flags = `${short === undefined ? "" : `-${short}, `}--${name}`;
    if (value === undefined) parser.option(flags);
    else parser.option(`${flags} <value>`, "", (text: string, before: readonly string[] = []) => [...before, text]);
  }
  for (const flags of data.needless ?? []) parser.option(flags);
  return parser;
}

/** A negative number passes the parser as an argument; `kill -9 web` is no request to pull the plug. */
function refuseNumbers(words: readonly string[], options: Parse): void {
  const found = (options.data.optionsFirst ? words.slice(0, 1) : words).find((word) => /^-./.test(word));
  if (found !== undefined) throw usage(options, `has no option ${found}`);
}

function readOptions(
  raw: Readonly<Record<string, unknown>>,
  options: Parse,
): Input<ArgumentSpecs, OptionSpecs>["options"] {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(options.data.options)) {
    const found = raw[camelCase(name)];
    if (spec.value === undefined) {
      // The parser takes --no-x for the opposite of x, which it makes up.
      values[name] = name.startsWith("no-") ? raw[camelCase(name.slice("no-".length))] === false : found === true;
      continue;
    }
    const texts: readonly unknown[] = Array.isArray(found) ? found : [];
    if (texts.length > 1 && !spec.repeat) throw usage(options, `was given --${name} ${texts.length} times`);
    const parsed = texts.map((text) => (spec.parse ? spec.parse(String(text), options.given) : text));
    values[name] = spec.repeat ? parsed : parsed[0];
  }
  return values as Input<ArgumentSpecs, OptionSpecs>["options"];
}

function readArguments(words: readonly string[], options: Parse): Input<ArgumentSpecs, OptionSpecs>["args"] {
  const values: Record<string, unknown> = {};
  let left = words;
  for (const [name, { arity, parse }] of Object.entries(options.data.args)) {
    const many = arity === "some" || arity === "rest";
    const taken = many ? left : left.slice(0, 1);
    left = left.slice(taken.length);
    if (taken.length === 0 && (arity === "one" || arity === "some")) throw usage(options, `needs ${placeholder(name)}`);
    const parsed = taken.map((text) => (parse ? parse(text, options.given) : text));
    values[name] = many ? parsed : parsed[0];
  }
  const [extra] = left;
  if (extra !== undefined) throw usage(options, `takes no argument ${JSON.stringify(extra)}`);
  return values as Input<ArgumentSpecs, OptionSpecs>["args"];
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function usage({ name, data }: Parse, what: string, better?: string): AppError {
  const command = data.takesCommand ? `; a command goes behind \`--\`: banger ${name} -- CMD` : "";
  const hint = better ?? `\`banger ${name} --help\` shows what it takes${command}.`;
  return new AppError("USAGE", `${name} ${what}`, { hint });
}

function complaint(error: unknown, options: Parse): unknown {
  if (!(error instanceof CommanderError)) return error;
  const [, text = ""] = /'([^']*)'/.exec(error.message) ?? [];
  if (error.code === "commander.unknownOption") {
    const near = suggest(text.replace(/=.*/s, ""), [
      "--help",
      ...Object.keys(options.data.options).map((name) => `--${name}`),
    ]);
    if (text.includes("=") && near !== undefined) return usage(options, `takes no value with ${near}`);
    return usage(options, `has no option ${text}`, near && `Did you mean ${near}?`);
  }
  if (error.code === "commander.optionMissingArgument") {
    const [, name = ""] = /--([a-z-]+)/.exec(text) ?? [];
    return usage(options, `needs a value for --${name}: ${options.data.options[name]?.value ?? "VALUE"}`);
  }
  return usage(options, "does not take these arguments");
}
