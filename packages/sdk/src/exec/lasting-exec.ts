/**
 * A command in a machine that outlives the daemon over which it is reached: when that goes away, the next one is asked to go
 * on at the very bytes at which this end stands (docs/adr/0010).
 */
import type { ExecEnd } from "@banger/contract/daemon/exec-end";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import type { BangerClient } from "../client.ts";
import { type Reconnect, withNextDaemon } from "../lost-daemon.ts";
import { ExecInput } from "./exec-input.ts";
import { endOn } from "./exec-link.ts";
import { ExecOutput } from "./exec-output.ts";

export type Offsets = { readonly stdin: number; readonly stdout: number; readonly stderr: number };

/** What is asked for again when a daemon is lost. */
export type LastingCommand = {
  readonly ref: string;
  readonly exec: string;
  readonly tty: boolean;
  readonly stdin: boolean;
};

/** a machine has to be reached again first */
const ATTACH_MS = 50_000;
const MAX_ORDERS = 64;

export class LastingExec implements AsyncDisposable {
  readonly stdin = new ExecInput();
  readonly stdout = new ExecOutput();
  readonly stderr = new ExecOutput();
  readonly ended: Promise<ExecEnd>;
  readonly #command: LastingCommand;
  readonly #reconnect: Reconnect | undefined;
  readonly #closing = new AbortController();
  /** orders for which there was no connection */
  readonly #orders: string[] = [];
  #size: { rows: number; columns: number } | undefined;
  #mux: Mux | undefined;

  constructor(
    mux: Mux,
    command: LastingCommand,
    { from, reconnect }: { from: Offsets; reconnect: Reconnect | undefined },
  ) {
    this.#command = command;
    this.#reconnect = reconnect;
    this.ended = this.#live(mux, from);
    this.ended.catch(() => undefined); // told to whoever awaits it
  }

  resize(size: { rows: number; columns: number }): void {
    this.#size = size;
    this.#tell({ resize: size });
  }

  signal(number: number): void {
    this.#tell({ signal: number });
  }

  detach(): void {
    this.#tell({ detach: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError("CANCELLED", "the command was let go"));
    await this.#mux?.close();
  }

  #tell(order: object): void {
    const line = `${JSON.stringify(order)}\n`;
    if (this.#mux) this.#mux.stream(execStreams.control).write(line);
    else if (this.#orders.length < MAX_ORDERS) this.#orders.push(line);
  }

  async #live(first: Mux, from: Offsets): Promise<ExecEnd> {
    try {
      for (let next = { mux: first, from }; ; next = await this.#again()) {
        this.#connect(next.mux, next.from);
        const end = await endOn(next.mux, { taken: (bytes) => this.stdin.forget(bytes) });
        if (end) return end;
        this.#mux = undefined;
        this.stdin.disconnect();
      }
    } finally {
      for (const output of [this.stdout, this.stderr]) output.finish();
    }
  }

  #connect(mux: Mux, from: Offsets): void {
    this.#mux = mux;
    this.stdout.connect(mux.stream(execStreams.stdout), from.stdout);
    this.stderr.connect(mux.stream(execStreams.stderr), from.stderr);
    this.stdin.connect(mux.stream(execStreams.stdin), from.stdin);
    const control = mux.stream(execStreams.control);
    for (const line of this.#orders.splice(0)) control.write(line);
  }

  async #again(): Promise<{ mux: Mux; from: Offsets }> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    if (!this.#reconnect) throw unreachable();
    try {
      const taken = await withNextDaemon(this.#reconnect, (client, late) => this.#takeUp(client, late), { signal });
      if (this.#size) this.#orders.push(`${JSON.stringify({ resize: this.#size })}\n`);
      return taken;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#gaveUp(error);
    }
  }

  async #takeUp(client: BangerClient, { signal }: { signal: AbortSignal }): Promise<{ mux: Mux; from: Offsets }> {
    const resume = { stdout: this.stdout.offset, stderr: this.stderr.offset };
    const options = { signal, deadlineMs: ATTACH_MS, endsSoftly: true };
    const { result, mux } = await client.upgrade("exec.attach", { ...this.#command, resume }, options);
    const { from } = result;
    const missing = from.stdout - resume.stdout + (from.stderr - resume.stderr);
    if (missing === 0) return { mux, from };
    await mux.close();
    throw new AppError("EXEC_NOT_FOUND", `${missing} bytes of the command's output were not kept`);
  }

  #gaveUp(error: unknown): Error {
    const { exec, ref } = this.#command;
    const message = `the daemon went away, and command ${exec} of ${ref} could not be taken up again`;
    if (AppError.is(error, "EXEC_NOT_FOUND")) return new AppError("EXEC_NOT_FOUND", message, { cause: error });
    return AppError.is(error) ? error : new AppError("DAEMON_UNREACHABLE", message, { cause: error });
  }
}

function unreachable(): AppError {
  return new AppError("DAEMON_UNREACHABLE", "the daemon went away before the command ended");
}
