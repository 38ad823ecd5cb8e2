/**
 * One of our output streams. What is written is the answer or a remark, whole lines, and a stream that can not take it is
 * found out about once, in one place.
 */
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import type { Env } from "../program/context.ts";
import type { OutputStream } from "../terminal/terminal.ts";
import { colored, type Tone, wantsColor } from "./tone.ts";

/** What a shell shows of a program that was ended by SIGPIPE. */
export const PIPE_STATUS = 128 + constants.signals.SIGPIPE;

/** Whoever read our output went away: not worth a word. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

export class Output {
  readonly stream: Writable;
  readonly isTty: boolean;
  /** it can be drawn over: a terminal that knows how to move its cursor */
  readonly isLive: boolean;
  readonly #hasColor: boolean;
  readonly #size: () => { columns?: number; rows?: number };
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stream: OutputStream, env: Env = {}) {
    this.stream = stream;
    this.isTty = stream.isTTY === true;
    this.isLive = this.isTty && env.TERM !== "dumb";
    this.#hasColor = this.isTty && wantsColor(env);
    this.#size = () => stream;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.#failure ??= error;
    });
  }

  /** of the terminal, or what text is made for where there is none */
  get columns(): number {
    return this.#size().columns || 80;
  }

  /** lines of the terminal */
  get rows(): number {
    return this.#size().rows || 24;
  }

  /** columns that a line may take; none where there is no terminal, and nothing is to be cut */
  get width(): number | undefined {
    return this.isTty ? this.columns : undefined;
  }

  /** The text as it is, or in colour. */
  paint(tone: Tone | undefined, text: string): string {
    return tone === undefined || !this.#hasColor ? text : colored(tone, text);
  }

  write(text: string): void {
    if (!this.#failure) this.stream.write(text);
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** Resolves when the kernel has everything. Throws OutputClosed, or OUTPUT_FAILED with the reason. */
  async flush(): Promise<void> {
    if (!this.#failure && this.stream.writableLength > 0) {
      await new Promise<void>((resolve) => this.stream.write("", () => resolve()));
    }
    // A failed write tells its callback before it tells of the error.
    if (!this.#failure && this.stream.errored) this.#failure = this.stream.errored;
    if (this.#failure) throw outputError(this.#failure);
  }
}

/** What a failed write to standard output means to the program. */
export function outputError(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (code === "EPIPE" || code === "ECONNRESET") return new OutputClosed();
  return new AppError("OUTPUT_FAILED", `the output could not be written (${code})`, {
    facts: { errno: code },
    cause: error,
  });
}
