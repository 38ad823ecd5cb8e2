/**
 * Starts the user's daemon, detached. Of several that are started at once the lock of the state directory lets one live;
 * the clients of the others wait for its socket.
 */
import { ErrorView } from "@banger/contract/daemon/operation";
import { AppError, errorCatalog, isErrorCode } from "@banger/contract/errors";
import { ensurePrivateDir } from "@banger/platform/fs/private-dir";
import { readLastLine } from "@banger/platform/fs/read-tail";
import { refusedWrite } from "@banger/platform/fs/refused-write";
import { spawnDetached } from "@banger/platform/process/spawn-detached";
import type { DaemonPlaces } from "./places.ts";

export type DaemonProgram = {
  /** program and first arguments; the directories are appended */
  readonly argv: readonly string[];
  /** of the client; only what a daemon needs of it is handed on */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** what the user has configured for a daemon, as flags; read when one is started, and not before */
  readonly flags?: () => Promise<readonly string[]>;
};

const START_MS = 20_000;
const LOCKED = errorCatalog.STATE_LOCKED.exit;
/** What reaches the daemon of its first client's environment: a later client must find the same daemon, whatever it has set. */
const INHERITED = /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|BANGER_\w+|(?:https?|ftp|all|no)_proxy)$/i;

/** `locked` when another daemon holds the state: it is starting, or on its way out. */
export async function startDaemon(
  program: DaemonProgram,
  options: { places: DaemonPlaces; signal: AbortSignal },
): Promise<"started" | "locked"> {
  const { places, signal } = options;
  await ensurePrivateDir(places.state);
  await ensurePrivateDir(places.runtime);
  try {
    await spawnDetached({
      argv: await daemonArgv(program, places),
      env: daemonEnvironment(program.env),
      cwd: "/",
      logPath: places.log,
      deadlineMs: START_MS,
      signal,
    });
    return "started";
  } catch (error) {
    // The log itself could not be made.
    if (!AppError.is(error, "COMMAND_FAILED")) throw refusedWrite(error, places.log) ?? error;
    if (error.facts.exitCode === LOCKED) return "locked";
    throw await whyNot(places, error);
  }
}

export async function daemonArgv(program: DaemonProgram, places: DaemonPlaces): Promise<readonly string[]> {
  const { state, runtime, cache } = places;
  const flags = (await program.flags?.()) ?? [];
  return [...program.argv, "--state", state, "--runtime", runtime, "--cache", cache, ...flags];
}

export function daemonEnvironment(env: DaemonProgram["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) => (value !== undefined && INHERITED.test(key) ? [[key, value]] : [])),
  );
}

/** A daemon that can not start says why to us, and in the last line of its log, which a full disk does not take. */
async function whyNot(places: DaemonPlaces, cause: AppError): Promise<AppError> {
  const said = parseError(String(cause.facts.said ?? "")) ?? parseError(await readLastLine(places.log));
  if (said && isErrorCode(said.code)) {
    const facts = { log: places.log, ...said.facts };
    return new AppError(said.code, said.message, { facts, cause, ...(said.hint !== undefined && { hint: said.hint }) });
  }
  const hint = `Its log tells more: ${places.log}`;
  return new AppError("DAEMON_UNREACHABLE", "the daemon ended before it was ready", { hint, cause });
}

function parseError(line: string): ErrorView | undefined {
  try {
    return ErrorView.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // a crash leaves other words there
  }
}
