/**
 * Exec over real processes.
 *
 * Each program leads a session of its own, so that ending it ends what it started. Ending is SIGTERM, a grace, SIGKILL;
 * the first reason is kept, and the result is given only when the program is really gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { endGroup, killGroup } from "./end-group.ts";
import { LineSplitter, TailBuffer } from "./output.ts";
import {
  type Exec,
  type ExecOptions,
  type ExecReason,
  type ExecResult,
  type ExecStream,
  failureOf,
  type StreamOptions,
} from "./run.ts";

const DEFAULT_MAX_OUTPUT_BYTES = 4 << 20;
const DEFAULT_GRACE_MS = 2_000;
const STDERR_TAIL_BYTES = 16 << 10;
/** how long pipes may stay open in the hands of others after the program itself has exited, `ms`; then one more turn
 * of the loop, so that a busy process does not lose what lies in them */
const DRAIN_MS = 1_000;

const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
};

export function createNodeExec(base: { readonly env?: Readonly<Record<string, string>> } = {}): Exec {
  const env = { ...BASE_ENV, ...base.env };
  return {
    run: (argv, options = {}) => run(argv, { ...options, env: { ...env, ...options.env } }),
    stream: (argv, options = {}) => stream(argv, { ...options, env: { ...env, ...options.env } }),
  };
}

async function run(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
  options.signal?.throwIfAborted();
  const child = start(argv, options, {
    stdin: options.stdinFd ?? (options.input === undefined ? "ignore" : "pipe"),
    stdout: options.stdoutFd ?? "pipe",
  });
  const chunks: Buffer[] = [];
  const limit = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  let bytes = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    if (options.onStdoutChunk) return options.onStdoutChunk(chunk);
    bytes += chunk.length;
    if (bytes <= limit) chunks.push(chunk);
    else stop("output-limit");
  });
  if (child.stdin) {
    ignoreBrokenPipe(child.stdin);
    child.stdin.end(options.input);
  }
  const { ended, stop } = supervise(child, argv, { options, drain: true });
  const end = await ended;
  return settle({ ...end, stdout: Buffer.concat(chunks) }, options);
}

function stream(argv: readonly string[], options: StreamOptions): ExecStream {
  if (options.signal?.aborted) return failedStream(options.signal.reason);
  const child = start(argv, options, { stdin: "pipe", stdout: "pipe" });
  const { ended, stop } = supervise(child, argv, { options, drain: false });
  const done = ended.then((end) => settle({ ...end, stdout: Buffer.alloc(0) }, options));
  done.catch(() => undefined); // whoever only moves the bytes sees the failure as the end of the stream
  if (!child.stdin || !child.stdout) return failedStream(new AppError("INTERNAL", `${argv[0]} has no pipes`));
  ignoreBrokenPipe(child.stdin);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    done,
    async [Symbol.asyncDispose]() {
      stop("cancelled");
      child.stdin?.destroy();
      child.stdout?.destroy();
      await ended.catch(() => undefined); // the failure is told by `done`
    },
  };
}

function failedStream(reason: unknown): ExecStream {
  const done = Promise.reject<ExecResult>(reason);
  done.catch(() => undefined); // told by `done` to whoever asks
  const stdin = new Writable({ write: (_chunk, _encoding, callback) => callback() });
  const stdout = Readable.from([]);
  return { stdin, stdout, done, [Symbol.asyncDispose]: () => Promise.resolve() };
}

type Pipes = { readonly stdin: "pipe" | "ignore" | number; readonly stdout: "pipe" | number };

function start(argv: readonly string[], options: StreamOptions, pipes: Pipes): ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined || program === "") throw new AppError("INTERNAL", "a program to run was not named");
  return spawn(program, args, {
    detached: true,
    shell: false,
    stdio: [pipes.stdin, pipes.stdout, "pipe"],
    env: { ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
}

type Ended = Omit<ExecResult, "stdout">;
type Supervised = { readonly ended: Promise<Ended>; readonly stop: (reason: ExecReason) => void };

/** Watches one child to its very end; `stop` ends it early and may be called at any time. */
function supervise(
  child: ChildProcess,
  argv: readonly string[],
  context: { options: StreamOptions; drain: boolean },
): Supervised {
  const { options } = context;
  const startedAt = performance.now();
  const stderr = new TailBuffer(STDERR_TAIL_BYTES);
  const lines = options.onStderrLine ? new LineSplitter(options.onStderrLine) : undefined;
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr.push(chunk);
    lines?.push(chunk);
  });
  let reason: ExecReason | undefined;
  const finished = new AbortController();
  const stop = (why: ExecReason) => {
    if (reason !== undefined || finished.signal.aborted) return;
    reason = why;
    endGroup(child, { graceMs: options.graceMs ?? DEFAULT_GRACE_MS, finished: finished.signal });
  };
  options.signal?.addEventListener("abort", () => stop("cancelled"), { once: true, signal: finished.signal });
  const timer = options.deadlineMs === undefined ? undefined : setTimeout(() => stop("timeout"), options.deadlineMs);
  let drain: NodeJS.Timeout | undefined;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", (error) => reject(spawnFailure(error, argv, options.cwd)));
    child.once("exit", () => {
      if (context.drain && reason === undefined) drain = setTimeout(() => setImmediate(destroyPipes, child), DRAIN_MS);
    });
    child.once("close", (exitCode, signal) => {
      lines?.end();
      if (reason !== undefined) killGroup(child); // the leader has gone, so the grace is over for all
      const durationMs = performance.now() - startedAt;
      resolve({ argv, exitCode, signal, stderr: stderr.toString(), reason: reason ?? "exit", durationMs });
    });
  }).finally(() => {
    clearTimeout(timer);
    clearTimeout(drain);
    finished.abort();
  });
  return { ended, stop };
}

function destroyPipes(child: ChildProcess): void {
  for (const pipe of child.stdio) pipe?.destroy();
}

function settle(result: ExecResult, options: ExecOptions): ExecResult {
  const cause: unknown = result.reason === "cancelled" ? options.signal?.reason : undefined;
  const failure = failureOf(result, { ...options, cause });
  if (failure) throw failure;
  return result;
}

/** A program may end without reading its input; its exit status tells more than our EPIPE. */
function ignoreBrokenPipe(stdin: Writable): void {
  stdin.on("error", () => undefined);
}

function spawnFailure(error: NodeJS.ErrnoException, argv: readonly string[], cwd: string | undefined): AppError {
  const program = argv[0] ?? "";
  if (error.code === "ENOENT" && cwd !== undefined && !statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    return new AppError("INTERNAL", `no directory ${cwd} to run ${program} in`, {
      facts: { program, cwd },
      cause: error,
    });
  }
  if (error.code === "ENOENT" || error.code === "EACCES") {
    const what = error.code === "ENOENT" ? "is not installed" : "may not be executed";
    return new AppError("PREREQUISITE_MISSING", `${program} ${what}`, { facts: { program }, cause: error });
  }
  const facts = { program, errno: error.code ?? "unknown" };
  return new AppError("COMMAND_FAILED", `${program} could not be started (${facts.errno})`, { facts, cause: error });
}
