/**
 * Requests whose content travels on a stream of its own: the answer says whether it worked, the stream only carries.
 * Every step has the deadline anew, so a large file takes as long as it takes, and a guest that stops does not.
 */
import { Readable, type Writable } from "node:stream";
import type { AnswerFields, GuestVerb, RequestFields } from "@banger/contract/guest/messages";
import { raceAbort } from "@banger/platform/time/deadline";
import type { GuestCall, GuestChannel } from "./channel/guest-channel.ts";
import { ANSWER_DEADLINE_MS, guestSilent, type Waiting } from "./channel/guest-error.ts";
import type { GuestStream } from "./channel/guest-stream.ts";
import { WIDE_WINDOW_BYTES } from "./channel/receive-half.ts";
import { separateEnds } from "./channel/stream-ends.ts";

/** What names the stream, to be put into the request. */
export type StreamFields = { readonly stream: number; readonly window: number };

type Step = Waiting & { readonly what: string };

/** Content from the guest. The stream ends after the agent has said that it was all; its error is the agent's. */
export function receiveContent<V extends GuestVerb>(
  channel: GuestChannel,
  verb: V,
  options: Step & { fields: (stream: StreamFields) => RequestFields<V> },
): Readable {
  return Readable.from(contentOf(channel, verb, options), { objectMode: false, highWaterMark: 0 });
}

async function* contentOf<V extends GuestVerb>(
  channel: GuestChannel,
  verb: V,
  options: Step & { fields: (stream: StreamFields) => RequestFields<V> },
): AsyncGenerator<Uint8Array> {
  const transfer = await Transfer.begin(channel, verb, { ...options, use: "receive" });
  try {
    const chunks = transfer.readable[Symbol.asyncIterator]();
    for (;;) {
      const next = await transfer.step(() => chunks.next());
      if (next.done) break;
      yield next.value;
    }
    await transfer.finished();
  } finally {
    transfer.end();
  }
}

/** Content to the guest, from any source. Resolves with the agent's answer, after it has what the source gave. */
export async function sendContent<V extends GuestVerb>(
  channel: GuestChannel,
  verb: V,
  options: Step & { fields: (stream: StreamFields) => RequestFields<V>; source: AsyncIterable<Uint8Array> },
): Promise<AnswerFields<V>> {
  const transfer = await Transfer.begin(channel, verb, { ...options, use: "send" });
  const chunks = options.source[Symbol.asyncIterator]();
  try {
    for (;;) {
      // how long the source takes is its owner's business
      const next = await raceAbort(chunks.next(), transfer.signal);
      if (next.done) break;
      if (!(await transfer.step(() => transfer.write(next.value)))) break;
    }
    transfer.writable.end();
    return await transfer.finished();
  } finally {
    transfer.end();
    // a source that is stuck is not waited for
    chunks.return?.().catch(() => undefined);
  }
}

/** The waits of one transfer, with one timer that each begins anew: a large file has thousands. */
class Steps implements Disposable {
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  #waiting = false;

  constructor({ signal, what, deadlineMs = ANSWER_DEADLINE_MS }: Step) {
    this.#outer = signal;
    this.#timer = setTimeout(() => {
      if (this.#waiting) this.end(guestSilent(what, deadlineMs));
    }, deadlineMs);
    if (signal?.aborted) this.#onOuter();
    else signal?.addEventListener("abort", this.#onOuter, { once: true });
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting = true;
    this.#timer.refresh();
    try {
      return await raceAbort(work(), this.signal);
    } finally {
      this.#waiting = false;
    }
  }

  end(reason: unknown): void {
    this.#over.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onOuter);
  }

  readonly #onOuter = (): void => this.end(this.#outer?.reason);
}

class Transfer<V extends GuestVerb> {
  readonly #steps: Steps;
  readonly readable: Readable;
  readonly writable: Writable;
  readonly #channel: GuestChannel;
  readonly #stream: GuestStream;
  readonly #call: GuestCall<V>;

  private constructor(channel: GuestChannel, stream: GuestStream, started: { call: GuestCall<V>; options: Step }) {
    this.#channel = channel;
    this.#stream = stream;
    this.#call = started.call;
    this.#steps = new Steps(started.options);
    started.call.answer.catch((error: unknown) => this.#steps.end(error));
    const { readable, writable } = separateEnds({ mux: channel.mux, stream });
    this.readable = readable;
    this.writable = writable;
  }

  static async begin<V extends GuestVerb>(
    channel: GuestChannel,
    verb: V,
    options: Step & { use: "send" | "receive"; fields: (stream: StreamFields) => RequestFields<V> },
  ): Promise<Transfer<V>> {
    const window = WIDE_WINDOW_BYTES;
    const stream = await channel.openStream({ ...options, window });
    const fields = options.fields({ stream: stream.id, window });
    const call = channel.begin(verb, fields, { what: options.what, streams: [stream] });
    return new Transfer(channel, stream, { call, options });
  }

  /** aborted by the caller, with the agent's refusal, or when it was silent for too long */
  get signal(): AbortSignal {
    return this.#steps.signal;
  }

  /** One wait for the guest. What fails because the guest refused fails with the refusal, which knows the reason. */
  step<T>(work: () => Promise<T>): Promise<T> {
    return this.#steps.run(work);
  }

  /** False if the guest takes no more, which its answer explains. */
  write(chunk: Uint8Array): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.writable.write(chunk, (error) => resolve(!error));
    return promise;
  }

  async finished(): Promise<AnswerFields<V>> {
    const answer = await this.step(() => this.#call.answer);
    this.#channel.mux.forget(this.#stream);
    return answer;
  }

  end(): void {
    this.#steps[Symbol.dispose]();
    this.#call.abandon();
    if (!this.#stream.forgotten) this.#channel.dropStream(this.#stream);
    this.readable.destroy();
    this.writable.destroy();
  }
}
