/** From the first words of the command line to the command they name. Nothing is loaded here. */
import { AppError } from "@banger/contract/errors";
import { catalog, type Entry, nouns } from "./catalog.ts";
import { suggest } from "./suggest.ts";

export type Found =
  | { readonly kind: "command"; readonly entry: Entry; readonly rest: readonly string[] }
  /** of a noun, or of the whole program */
  | { readonly kind: "overview"; readonly noun: string | undefined };

/** What other programs call it; by their letters alone some of these would be taken for something else. */
const elsewhere: Readonly<Record<string, string>> = {
  build: "image build",
  console: "logs",
  container: "vm",
  copy: "cp",
  destroy: "delete",
  halt: "stop",
  images: "image list",
  info: "doctor",
  inspect: "show",
  poweroff: "stop",
  remove: "delete",
  rmi: "image delete",
  scp: "cp",
  sh: "exec -it MACHINE bash",
  shell: "exec -it MACHINE bash",
  shutdown: "stop",
  ssh: "exec -it MACHINE bash",
  status: "list",
  suspend: "pause",
  top: "stats",
  unpause: "resume",
  update: "set",
};

const HELP = new Set(["-h", "--help"]);

/** USAGE, with a suggestion, for what names no command. */
export function findCommand(argv: readonly string[]): Found {
  const [first, second] = argv;
  if (first === undefined || HELP.has(first)) return { kind: "overview", noun: undefined };
  if (first === "help") return findHelp(argv.slice(1));
  if (first.startsWith("-")) throw unknown(`there is no option ${first} before a command`, undefined);
  if (Object.hasOwn(nouns, first)) return findVerb(first, second, argv.slice(2));
  const entry = lookUp([first]);
  if (entry) return { kind: "command", entry, rest: argv.slice(1) };
  const meant = Object.hasOwn(elsewhere, first) ? elsewhere[first] : undefined;
  if (meant !== undefined) throw unknown(`there is no command ${quote(first)}`, meant);
  const names = catalog.flatMap(({ path, aliases }) => [path, ...aliases]).filter((words) => words.length === 1);
  throw unknown(
    `there is no command ${quote(first)}`,
    suggest(first, [...names.flat(), ...Object.keys(nouns), "help"]),
  );
}

function findHelp(words: readonly string[]): Found {
  const found = findCommand(words);
  return found.kind === "command" ? { ...found, rest: ["--help"] } : found;
}

function findVerb(noun: string, verb: string | undefined, rest: readonly string[]): Found {
  if (verb === undefined || HELP.has(verb)) return { kind: "overview", noun };
  const entry = lookUp([noun, verb]);
  if (entry) return { kind: "command", entry, rest };
  const verbs = catalog.flatMap(({ path, aliases }) => [path, ...aliases]).filter(([word]) => word === noun);
  const near = suggest(
    verb,
    verbs.flatMap(([, word]) => word ?? []),
  );
  const message = `there is no command ${quote(`${noun} ${verb}`)}`;
  throw near
    ? unknown(message, `${noun} ${near}`)
    : new AppError("USAGE", message, { hint: `See \`banger ${noun} --help\`.` });
}

function lookUp(words: readonly string[]): Entry | undefined {
  const wanted = words.join(" ");
  return catalog.find(({ path, aliases }) => [path, ...aliases].some((name) => name.join(" ") === wanted));
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function unknown(message: string, near: string | undefined): AppError {
  return new AppError("USAGE", message, near === undefined ? {} : { hint: `Did you mean \`banger ${near}\`?` });
}

/** The name that help and messages use: the one that is quickest to type. */
export function shortestName({ path, aliases }: Entry): string {
  return [path, ...aliases].find((words) => words.length === 1)?.join(" ") ?? path.join(" ");
}
