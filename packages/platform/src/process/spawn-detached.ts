/**
 * Starts a program that outlives us: a session of its own, no pipe that ties it to this process.
 *
 * It is ready when it says so on one descriptor, and that line is raced against its exit: what dies at start is told at
 * once, with its last words, not after a deadline.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { killGroup } from "../exec/end-group.ts";
import { TailBuffer } from "../exec/output.ts";
import { lastLine } from "../exec/run.ts";
import { raceAbort, startDeadline } from "../time/deadline.ts";
import { identify, type ProcessIdentity } from "./liveness.ts";

export type DetachedOptions = {
  readonly argv: readonly string[];
  /** the whole environment; nothing is inherited */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** file to which standard output and error are appended, mode 0600; /dev/null when absent */
  readonly logPath?: string;
  /** descriptors given to it as 4, 5, … (3 carries the readiness line) */
  readonly extraFds?: readonly number[];
  readonly uid?: number;
  readonly gid?: number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
};

export type Detached = {
  readonly identity: ProcessIdentity;
  /** what it wrote on descriptor 3 before the first LF */
  readonly line: string;
};

const MAX_LINE_BYTES = 64 << 10;
/** what the last words of a program that has ended may take to be read, while others may hold the pipe, `ms` */
const LAST_WORDS_MS = 500;

/**
 * Resolves with the first line that the program writes to descriptor 3. On any failure the program is gone; what it wrote
 * there without an LF are its last words, in `facts.said`.
 */
export async function spawnDetached(options: DetachedOptions): Promise<Detached> {
  options.signal?.throwIfAborted();
  const program = options.argv[0] ?? "";
  const child = start(options);
  using deadline = startDeadline(options.signal, { ms: options.deadlineMs, what: `${program} to become ready` });
  try {
    const line = await raceAbort(readiness(child, program), deadline.signal);
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (!identity) throw new AppError("COMMAND_FAILED", `${program} ended as soon as it was ready`);
    child.unref();
    return { identity, line };
  } catch (error) {
    await endChild(child);
    throw error;
  } finally {
    child.stdio[3]?.destroy();
  }
}

function start(options: DetachedOptions): ChildProcess {
  const [program, ...args] = options.argv;
  if (program === undefined) throw new AppError("INTERNAL", "a program to start was not named");
  const log = options.logPath === undefined ? undefined : openSync(options.logPath, "a", 0o600);
  try {
    return spawn(program, args, {
      detached: true,
      shell: false,
      stdio: ["ignore", log ?? "ignore", log ?? "ignore", "pipe", ...(options.extraFds ?? [])],
      env: { ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

/** The first line on descriptor 3, or how the program failed instead. */
function readiness(child: ChildProcess, program: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const said = new TailBuffer(MAX_LINE_BYTES);
  const pipe = child.stdio[3] as Readable; // stdio above makes it a pipe
  pipe.on("error", () => undefined); // the exit tells more
  pipe.on("data", (chunk: Buffer) => {
    said.push(chunk);
    const text = said.toString();
    const end = text.indexOf("\n");
    if (end !== -1) resolve(text.slice(0, end));
  });
  child.once("error", (error: NodeJS.ErrnoException) => {
    const missing = error.code === "ENOENT" || error.code === "EACCES";
    const message = `${program} can not be started (${error.code ?? "unknown"})`;
    reject(
      new AppError(missing ? "PREREQUISITE_MISSING" : "COMMAND_FAILED", message, { facts: { program }, cause: error }),
    );
  });
  const tell = (code: number | null, signal: string | null) => {
    const how = code === null ? `was ended by ${signal}` : `exited with ${code}`;
    const words = lastLine(said.toString());
    const facts = {
      program,
      ...(code === null ? {} : { exitCode: code }),
      ...(signal === null ? {} : { signal }),
      ...(words === "" ? {} : { said: words }),
    };
    reject(
      new AppError("COMMAND_FAILED", `${program} ${how} before it was ready${words === "" ? "" : `: ${words}`}`, {
        facts,
      }),
    );
  };
  child.once("exit", (code, signal) => {
    const timer = setTimeout(() => tell(code, signal), LAST_WORDS_MS);
    const onClose = () => {
      clearTimeout(timer);
      tell(code, signal);
    };
    if (pipe.closed) onClose();
    else pipe.once("close", onClose);
  });
  return promise;
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  killGroup(child);
  await promise;
}
