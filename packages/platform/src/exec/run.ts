/**
 * Running other programs: the port that everything above uses.
 *
 * argv only, never a shell; every output is bounded; every run can be cancelled and can have a deadline. It must not
 * know any program by name: what a tool's output means is parsed where the tool is used.
 */
import type { Readable, Writable } from "node:stream";
import { AppError, type ErrorCode } from "@banger/contract/errors";

export type ExecOptions = {
  readonly signal?: AbortSignal | undefined;
  /** laid over the base environment that the Exec was made with */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** written to standard input, which is then closed; without it standard input is /dev/null */
  readonly input?: string | Uint8Array;
  /** descriptors to be inherited instead of a pipe; the caller keeps owning them */
  readonly stdinFd?: number;
  readonly stdoutFd?: number;
  readonly deadlineMs?: number;
  /** between SIGTERM and SIGKILL when the run is ended early, `ms` */
  readonly graceMs?: number;
  /** bytes of standard output kept; more ends the program */
  readonly maxOutputBytes?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** throw unless the program exits with 0; true when absent */
  readonly check?: boolean;
  /** each line of standard error, without its end */
  readonly onStderrLine?: (line: string) => void;
  /** takes standard output as it comes; nothing of it is kept then */
  readonly onStdoutChunk?: (chunk: Buffer) => void;
};

export type ExecReason = "exit" | "cancelled" | "timeout" | "output-limit";

/** Success and failure have this one shape. */
export type ExecResult = {
  readonly argv: readonly string[];
  /** null when a signal ended it */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  /** the last part of standard error */
  readonly stderr: string;
  /** why it ended; the first reason wins */
  readonly reason: ExecReason;
  readonly durationMs: number;
};

/** A program whose standard streams the caller moves; `done` rejects just as `run` does. */
export type ExecStream = AsyncDisposable & {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly done: Promise<ExecResult>;
};

export type StreamOptions = Omit<ExecOptions, "input" | "maxOutputBytes" | "onStdoutChunk" | "stdinFd" | "stdoutFd">;

export type Exec = {
  run(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  stream(argv: readonly string[], options?: StreamOptions): ExecStream;
};

/** An AppError that carries the whole result. */
export class ExecError extends AppError {
  readonly result: ExecResult;

  constructor(code: ErrorCode, message: string, options: { result: ExecResult; cause?: unknown }) {
    super(code, message, { facts: factsOf(options.result), cause: options.cause });
    this.result = options.result;
  }
}

function factsOf(result: ExecResult): Record<string, string | number | boolean> {
  const facts: Record<string, string | number | boolean> = {
    program: result.argv[0] ?? "",
    reason: result.reason,
    durationMs: Math.round(result.durationMs),
  };
  if (result.exitCode !== null) facts.exitCode = result.exitCode;
  if (result.signal !== null) facts.signal = result.signal;
  const line = lastLine(result.stderr);
  if (line !== "") facts.stderr = line;
  return facts;
}

export function lastLine(text: string): string {
  return text.trimEnd().split(/\r?\n/).at(-1)?.trim().slice(0, 300) ?? "";
}

/** The error that a finished run amounts to, or undefined when it did what was asked. */
export function failureOf(
  result: ExecResult,
  options: { deadlineMs?: number; check?: boolean; cause?: unknown },
): AppError | undefined {
  const program = result.argv[0] ?? "";
  const made = { result, cause: options.cause };
  if (result.reason === "timeout") {
    return new ExecError("TIMEOUT", `${program} did not end within ${options.deadlineMs ?? 0} ms`, made);
  }
  if (result.reason === "cancelled") return new ExecError("CANCELLED", `${program} was cancelled`, made);
  if (result.reason === "output-limit") {
    return new ExecError("COMMAND_FAILED", `${program} printed more than was allowed`, made);
  }
  if (result.exitCode === 0 || options.check === false) return undefined;
  const how = result.exitCode === null ? `was ended by ${result.signal}` : `exited with ${result.exitCode}`;
  const said = lastLine(result.stderr);
  return new ExecError("COMMAND_FAILED", `${program} ${how}${said === "" ? "" : `: ${said}`}`, made);
}
