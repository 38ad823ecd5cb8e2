/**
 * A program under test: what it writes is collected, what it is waited for has a deadline, and it never outlives its test.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";

export type Ended = {
  /** as a shell shows it: 128 + N when signal N ended it */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
};

export type CommandOptions = {
  readonly env: NodeJS.ProcessEnv;
  /** what standard input holds; nothing when absent, left to the test when `pipe` */
  readonly stdin?: string | Buffer | "pipe";
  readonly deadlineMs?: number;
  readonly cwd?: string;
};

const DEADLINE_MS = 90_000;

export class Command implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #argv: readonly string[];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  readonly #listeners = new Set<() => void>();
  #late = false;

  constructor(argv: readonly string[], { env, stdin, cwd, deadlineMs = DEADLINE_MS }: CommandOptions) {
    this.#argv = argv;
    const [program = "", ...rest] = argv;
    this.#child = spawn(program, rest, { env, ...(cwd !== undefined && { cwd }) });
    this.#collect(this.#child.stdout, this.#out);
    this.#collect(this.#child.stderr, this.#err);
    this.#child.stdin.on("error", () => undefined); // it may end before it has read everything
    if (stdin !== "pipe") this.#child.stdin.end(stdin);
    const timer = setTimeout(() => {
      this.#late = true;
      this.#child.kill("SIGKILL");
    }, deadlineMs);
    this.ended = this.#untilClosed(deadlineMs).finally(() => clearTimeout(timer));
    this.ended.catch(() => undefined); // told to whoever waits for it
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  /** Standard output as it is read; pausing it is to be a reader who is slow. */
  get stdout(): Readable {
    return this.#child.stdout;
  }

  get pid(): number {
    assert.ok(this.#child.pid, "it did not start");
    return this.#child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the match when either output has it; fails when the program ends without, or the deadline passes. */
  async shows(text: string | RegExp): Promise<readonly string[]> {
    const find = () =>
      typeof text === "string" ? (this.#text().includes(text) ? [text] : null) : text.exec(this.#text());
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => find() && resolve();
    this.#listeners.add(look);
    look();
    await Promise.race([promise, this.ended]);
    this.#listeners.delete(look);
    const found = find();
    assert.ok(found, `${this.#argv.join(" ")} ended and did not show ${String(text)}:\n${this.#text()}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended.catch(() => undefined);
  }

  #text(): string {
    return Buffer.concat([...this.#out, ...this.#err]).toString();
  }

  #collect(stream: Readable, into: Buffer[]): void {
    stream.on("data", (chunk: Buffer) => {
      into.push(chunk);
      for (const listener of this.#listeners) listener();
    });
  }

  async #untilClosed(deadlineMs: number): Promise<Ended> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#child.on("error", reject);
    this.#child.on("close", (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
    const status = await promise;
    const late = `${this.#argv.join(" ")} had not ended after ${deadlineMs} ms; it wrote:\n${this.#text()}`;
    assert.ok(!this.#late, late);
    const bytes = Buffer.concat(this.#out);
    return { status, bytes, stdout: bytes.toString(), stderr: Buffer.concat(this.#err).toString() };
  }
}
