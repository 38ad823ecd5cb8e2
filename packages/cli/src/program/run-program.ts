/** One run of the command line, from its arguments to its exit status. Everything outside is handed in. */
import type { Build } from "@banger/contract/daemon/system";
import { AppError, errorCatalog } from "@banger/contract/errors";
import { sanitize } from "@banger/contract/guest-text";
import { loadSettings, type ProjectPlace } from "../config/settings.ts";
import { Output } from "../output/output.ts";
import { reportError } from "../output/report-error.ts";
import type { Interrupts } from "../terminal/interrupts.ts";
import { createTerminal, type InputStream, type OutputStream } from "../terminal/terminal.ts";
import type { Command } from "./command.ts";
import type { Context, Env } from "./context.ts";
import { createDaemonAccess } from "./daemon-access.ts";
import { type Found, findCommand, shortestName } from "./find-command.ts";

export type Host = {
  readonly argv: readonly string[];
  readonly env: Env;
  readonly uid: number;
  readonly build: Build;
  readonly stdin: () => InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly rawOutput: () => Promise<void>;
  readonly interrupts: Interrupts;
  /** program and arguments that are a daemon */
  readonly daemonArgv: readonly string[];
  /** this process becomes another program */
  readonly execute: (argv: readonly string[], env: Record<string, string>) => never;
  readonly pause: Context["pause"];
  readonly now: () => number;
};

export async function runProgram(host: Host): Promise<number> {
  const { argv, interrupts } = host;
  const out = new Output(host.stdout, host.env);
  const err = new Output(host.stderr, host.env);
  if (argv[0] === "__complete") {
    const { runCompletion } = await import("../completion/run-completion.ts");
    return await runCompletion(argv.slice(1), { host, out });
  }
  let chosen: Chosen | undefined;
  try {
    const found = findCommand(argv);
    if (found.kind === "command") chosen = { ...found, command: (await found.entry.load()).command };
    const status = await perform(found, chosen, { host, out, err });
    await out.flush();
    await err.flush().catch(() => undefined); // remarks that nobody can be shown
    return status;
  } catch (thrown) {
    const error = chosen ? pointedTo(chosen, thrown) : thrown;
    const interruptStatus = interrupts.status;
    const asWanted = chosen?.command.endsBySignal && AppError.is(error, "CANCELLED") ? interruptStatus : undefined;
    const ofCommand = chosen !== undefined && isOfCommand(chosen);
    const status = asWanted ?? reportError(error, { err, json: asksForJson(argv), ofCommand, interruptStatus });
    // What was answered before is written if it can be; the first failure is the one that counts.
    for (const output of [out, err]) await output.flush().catch(() => undefined);
    return status;
  }
}

type Chosen = Extract<Found, { kind: "command" }> & { readonly command: Command };

async function perform(
  found: Found,
  chosen: Chosen | undefined,
  { host, out, err }: { host: Host; out: Output; err: Output },
): Promise<number> {
  if (found.kind === "overview" || !chosen) {
    const { helpWidth, overviewHelp } = await import("./help.ts");
    out.write(overviewHelp(found.kind === "overview" ? found.noun : undefined, helpWidth(out)));
    return 0;
  }
  const { parseInput } = await import("./parse.ts");
  const { entry, command, rest } = chosen;
  const input = parseInput(rest, { name: shortestName(entry), data: command, given: { env: host.env } });
  if (input === "help") {
    const { commandHelp, helpWidth } = await import("./help.ts");
    out.write(commandHelp(entry, command, helpWidth(out)));
    return 0;
  }
  const { build, env, interrupts, now, pause } = host;
  const { signal } = interrupts;
  const note = (text: string) => err.line(`banger: ${sanitize(text)}`);
  const settings = (project: ProjectPlace) => loadSettings({ ...host, file: daemon.places.config, note }, project);
  using daemon = createDaemonAccess(host, { signal, note, settings: () => settings("none") });
  const terminal = createTerminal(host);
  const context: Context = { build, env, settings, interrupts, now, pause, out, err, daemon, signal, terminal };
  return await command.run(input, context);
}

/** A wrong request that says nothing better gets the help of its own command as its hint. */
function pointedTo({ entry }: Chosen, error: unknown): unknown {
  if (!AppError.is(error, "USAGE") || error.hint !== errorCatalog.USAGE.hint) return error;
  const { message, facts } = error;
  const hint = `\`banger ${shortestName(entry)} --help\` shows what it takes.`;
  return new AppError("USAGE", message, { facts, hint, cause: error });
}

/** Asked before anything is parsed: what can not be parsed must be told in the form that was asked for. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

function isOfCommand({ command, rest }: Chosen): boolean {
  return command.status === "of-command" || (command.status === "of-command-if-given" && rest.includes("--"));
}
