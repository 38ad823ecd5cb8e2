/**
 * An Exec without processes: programs are functions of the test, which may keep state between calls.
 *
 * Unknown programs fail as missing ones do, and any call can be told to fail.
 */
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { AppError } from "@banger/contract/errors";
import { type Exec, type ExecOptions, type ExecResult, type ExecStream, failureOf, type StreamOptions } from "./run.ts";

export type FakeCall = {
  readonly argv: readonly string[];
  readonly args: readonly string[];
  readonly options: ExecOptions;
  /** all of standard input */
  readonly input: Buffer;
};
export type FakeOutcome = {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string;
  /** 0 when absent */
  readonly exitCode?: number;
};
export type FakeProgram = (call: FakeCall) => FakeOutcome | undefined | Promise<FakeOutcome | undefined>;

export class FakeExec implements Exec {
  /** every argv, in order of start */
  readonly calls: Array<readonly string[]> = [];
  readonly #programs = new Map<string, FakeProgram>();
  readonly #failures = new Map<number, unknown>();

  /** `name` is argv[0], or its last path component. */
  program(name: string, program: FakeProgram): this {
    this.#programs.set(name, program);
    return this;
  }

  /** The n-th call from now (1 is the next one) rejects with `error` before its program runs. */
  failAt(nth: number, error: unknown = new AppError("COMMAND_FAILED", "told to fail")): void {
    this.#failures.set(this.calls.length + nth, error);
  }

  async run(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    options.signal?.throwIfAborted();
    return await this.#call(argv, options, Buffer.from(options.input ?? ""));
  }

  stream(argv: readonly string[], options: StreamOptions = {}): ExecStream {
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const done = (async () => {
      try {
        const result = await this.#call(argv, options, await buffer(stdin));
        stdout.end(result.stdout);
        return result;
      } catch (error) {
        stdout.end();
        throw error;
      }
    })();
    done.catch(() => undefined); // told by `done` to whoever asks
    return {
      stdin,
      stdout,
      done,
      async [Symbol.asyncDispose]() {
        stdin.end();
        stdout.resume();
        await done.catch(() => undefined); // told by `done`
      },
    };
  }

  async #call(argv: readonly string[], options: ExecOptions, input: Buffer): Promise<ExecResult> {
    this.calls.push(argv);
    const nth = this.calls.length;
    if (this.#failures.has(nth)) throw this.#failures.get(nth);
    const name = argv[0] ?? "";
    const program = this.#programs.get(name) ?? this.#programs.get(name.slice(name.lastIndexOf("/") + 1));
    if (!program) throw new AppError("PREREQUISITE_MISSING", `${name} is not installed`, { facts: { program: name } });
    const outcome = (await program({ argv, args: argv.slice(1), options, input })) ?? {};
    const stdout = Buffer.from(outcome.stdout ?? "");
    const stderr = outcome.stderr ?? "";
    for (const line of stderr.split("\n")) if (line !== "") options.onStderrLine?.(line);
    if (options.onStdoutChunk && stdout.length > 0) options.onStdoutChunk(stdout);
    const result: ExecResult = {
      argv,
      exitCode: outcome.exitCode ?? 0,
      signal: null,
      stdout: options.onStdoutChunk ? Buffer.alloc(0) : stdout,
      stderr,
      reason: options.signal?.aborted ? "cancelled" : "exit",
      durationMs: 0,
    };
    const failure = failureOf(result, { ...options, cause: options.signal?.reason });
    if (failure) throw failure;
    return result;
  }
}
