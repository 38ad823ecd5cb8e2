/**
 * What a machine has written, as raw bytes: a guest chose them, so whoever prints them sanitises first. One that is followed
 * outlives the daemon over which it comes: the next one is asked to go on at the very byte at which this end stands.
 */
import type { Readable } from "node:stream";
import { type LogEnd, type LogPosition, parseLogLine } from "@banger/contract/daemon/log-line";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import type { BangerClient } from "./client.ts";
import { jsonLines } from "./json-lines.ts";
import { LogProgress } from "./log-progress.ts";
import { type Reconnect, throwUnlessLost, withNextDaemon } from "./lost-daemon.ts";
import { readablePieces } from "./pieces.ts";

export type LogStream = AsyncDisposable & {
  readonly bytes: Readable;
  /** when all was read: `deleted` if that was because the machine is */
  readonly ended: Promise<LogEnd["end"]>;
};

export type LogOptions = {
  readonly signal?: AbortSignal;
  /** to go on when the daemon is lost; without it the bytes end with that failure */
  readonly reconnect?: Reconnect;
};

type LogParams = InputOf<DaemonMethods, "vm.logs">;

const BYTES = 0;
const LINES = 1;

/** Uses the connection up. */
export async function openLogs(
  client: BangerClient,
  params: LogParams,
  { signal, reconnect }: LogOptions = {},
): Promise<LogStream> {
  const first = await open(client, params, { signal });
  const log = new FollowedLog(first.mux, { ...params, ref: first.machine ?? params.ref }, reconnect);
  return { bytes: log.bytes, ended: log.ended, [Symbol.asyncDispose]: () => log.close() };
}

async function open(client: BangerClient, params: LogParams, options: { signal?: AbortSignal | undefined }) {
  const { result, mux } = await client.upgrade("vm.logs", params, { ...options, endsSoftly: true });
  mux.stream(BYTES).end();
  return { machine: result.machine, mux };
}

class FollowedLog {
  readonly bytes: Readable;
  readonly ended: Promise<LogEnd["end"]>;
  readonly #params: LogParams;
  readonly #reconnect: Reconnect | undefined;
  readonly #closing = new AbortController();
  readonly #end = Promise.withResolvers<LogEnd["end"]>();
  #mux: Mux;

  constructor(mux: Mux, params: LogParams, reconnect: Reconnect | undefined) {
    this.#mux = mux;
    this.#params = params;
    this.#reconnect = params.follow ? reconnect : undefined;
    this.ended = this.#end.promise;
    this.ended.catch(() => undefined); // the bytes tell what went wrong
    this.bytes = readablePieces(this.#pieces());
  }

  async close(): Promise<void> {
    this.#closing.abort(new AppError("CANCELLED", "the log was let go"));
    await this.#mux.close();
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    try {
      let stood: readonly LogPosition[] = [];
      for (;;) {
        const progress = new LogProgress(stood);
        const told = listen(this.#mux, progress);
        for await (const piece of this.#mux.stream(BYTES)) {
          progress.passed(piece.length);
          yield piece;
        }
        const end = await told;
        if (end) return this.#end.resolve(end);
        await throwUnlessLost(this.#mux);
        stood = progress.positions;
        if (!(await this.#goOn(progress))) return this.#end.resolve("deleted");
      }
    } catch (error) {
      this.#end.reject(error);
      throw error;
    }
  }

  /** False when the machine is not there any more. */
  async #goOn({ positions, bytes }: LogProgress): Promise<boolean> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const lost = new AppError("DAEMON_UNREACHABLE", "the daemon went away while its log was read");
    if (!this.#reconnect || (bytes > 0 && positions.length === 0)) throw lost;
    const { tail: _, ...params } = this.#params;
    const again = positions.length > 0 ? { ...params, resume: [...positions] } : this.#params;
    try {
      const { mux } = await withNextDaemon(this.#reconnect, (client, late) => open(client, again, late), { signal });
      this.#mux = mux;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (AppError.is(error, "VM_NOT_FOUND")) return false;
      throw error;
    }
  }
}

/** The end; undefined when the connection ended without one. */
async function listen(mux: Mux, progress: LogProgress): Promise<LogEnd["end"] | undefined> {
  for await (const line of jsonLines(mux.stream(LINES))) {
    const told = parseLogLine(line);
    if ("end" in told) return told.end;
    progress.mark(told);
  }
  return undefined;
}
