/**
 * The calling side of a connection: requests under way, their progress, their cancellation.
 *
 * A cancelled call still waits for its answer, so that the caller knows when everything is undone; only when none
 * comes in time does it give up.
 */
import { AppError } from "@banger/contract/errors";
import type { Channel } from "./channel.ts";
import { Mux } from "./mux.ts";
import type { Message, RequestId } from "./wire.ts";

export type CallOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (params: unknown) => void;
  /** `ms` until the call fails with TIMEOUT and is cancelled; without it the call lasts as long as the connection */
  readonly deadlineMs?: number;
  /** how long a cancelled call waits for its answer, `ms`; 30 s when absent */
  readonly cancelWaitMs?: number;
  /** of an upgraded connection: see MuxOptions */
  readonly endsSoftly?: boolean;
};
export type Upgraded = { readonly result: unknown; readonly mux: Mux };

type Call = {
  readonly method: string;
  readonly wantsUpgrade: boolean;
  readonly endsSoftly: boolean;
  readonly onProgress: ((params: unknown) => void) | undefined;
  readonly resolve: (outcome: { result: unknown; mux?: Mux }) => void;
  readonly reject: (error: unknown) => void;
};

const CANCEL_WAIT_MS = 30_000;

export class Calls {
  readonly #channel: Channel;
  readonly #calls = new Map<RequestId, Call>();
  readonly #lost: () => AppError;
  #nextId = 1;
  #ended: AppError | undefined;

  /** `lost` makes the error of calls whose connection went away under them. */
  constructor(channel: Channel, options: { lost: () => AppError }) {
    this.#channel = channel;
    this.#lost = options.lost;
  }

  /** Calls without an answer so far. */
  get pending(): number {
    return this.#calls.size;
  }

  async call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    return (await this.#start(method, params, { ...options, wantsUpgrade: false })).result;
  }

  /** Calls a method that turns the connection into raw streams; nothing else may be under way. */
  async upgrade(method: string, params: unknown, options: CallOptions = {}): Promise<Upgraded> {
    if (this.#calls.size > 0) throw new AppError("INTERNAL", `${method} needs a connection of its own`);
    const { result, mux } = await this.#start(method, params, { ...options, wantsUpgrade: true });
    if (mux) return { result, mux };
    throw new AppError("PROTOCOL_BROKEN", `${method} was answered without an upgrade`);
  }

  readonly receive = (message: Message): void => {
    if (message.kind === "notification") {
      if (message.method === "$/progress") this.#onProgress(message.params);
      return;
    }
    if (message.kind === "request") return; // we serve nothing; the peer will find no answer
    const call = message.id === null ? undefined : this.#calls.get(message.id);
    if (!call || message.id === null) {
      if (message.kind === "error") throw message.error;
      return; // the answer to a call that was given up
    }
    this.#calls.delete(message.id);
    if (message.kind === "error") call.reject(message.error);
    else if (message.upgraded) this.#detach(call, message.result);
    else call.resolve({ result: message.result });
  };

  /** The connection is over: every call fails, later ones at once. */
  end(reason: AppError | undefined): void {
    if (this.#ended) return;
    this.#ended = reason ?? this.#lost();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(this.#ended);
  }

  #onProgress(params: unknown): void {
    if (typeof params !== "object" || params === null) return;
    const id: unknown = Reflect.get(params, "id");
    if (typeof id === "number") this.#calls.get(id)?.onProgress?.(Reflect.get(params, "value"));
  }

  #detach(call: Call, result: unknown): void {
    if (!call.wantsUpgrade) {
      throw new AppError("PROTOCOL_BROKEN", `${call.method} was answered with an upgrade that was not asked for`);
    }
    const { stream, leftover } = this.#channel.detach();
    this.#ended = new AppError("INTERNAL", "the connection carries raw bytes now");
    call.resolve({ result, mux: new Mux(stream, { leftover, lost: this.#lost, endsSoftly: call.endsSoftly }) });
  }

  async #start(
    method: string,
    params: unknown,
    options: CallOptions & { wantsUpgrade: boolean },
  ): Promise<{ result: unknown; mux?: Mux }> {
    const { signal, deadlineMs, wantsUpgrade, onProgress, endsSoftly = false } = options;
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<{ result: unknown; mux?: Mux }>();
    this.#calls.set(id, { method, wantsUpgrade, endsSoftly, onProgress, resolve, reject });
    this.#channel.send({ jsonrpc: "2.0", id, method, params });
    if (!signal && deadlineMs === undefined) return await promise;
    return await this.#guarded({ id, method, reject, promise }, options);
  }

  /** The call with its signal and deadline; whichever comes first is what it fails with, unless it succeeds after all. */
  async #guarded<T>(
    call: { id: number; method: string; reject: (error: unknown) => void; promise: Promise<T> },
    options: CallOptions,
  ): Promise<T> {
    const { signal, deadlineMs } = options;
    const timers: NodeJS.Timeout[] = [];
    let reason: unknown;
    const cancel = (why: unknown) => {
      if (reason !== undefined) return;
      reason = why ?? new AppError("CANCELLED", `${call.method} was cancelled`);
      this.#channel.send({ jsonrpc: "2.0", method: "$/cancel", params: { id: call.id } });
      timers.push(setTimeout(() => call.reject(reason), options.cancelWaitMs ?? CANCEL_WAIT_MS));
    };
    const onAbort = () => cancel(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (deadlineMs !== undefined) timers.push(setTimeout(() => cancel(lateError(call.method, deadlineMs)), deadlineMs));
    try {
      return await call.promise;
    } catch (error) {
      throw AppError.is(error, "CANCELLED") && reason !== undefined ? reason : error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#calls.delete(call.id);
    }
  }
}

function lateError(method: string, deadlineMs: number): AppError {
  return new AppError("TIMEOUT", `waited ${deadlineMs} ms for ${method}`, { facts: { method, deadlineMs } });
}
