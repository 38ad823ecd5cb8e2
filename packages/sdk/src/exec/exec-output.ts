/** One output of a command, over as many connections as it takes. It knows how much of it has come in. */
import type { Readable } from "node:stream";
import type { MuxStream } from "@banger/platform/rpc/mux-stream";
import { readablePieces } from "../pieces.ts";

export class ExecOutput {
  readonly readable: Readable;
  readonly #streams: MuxStream[] = [];
  #current: { readonly stream: MuxStream; readonly from: number } | undefined;
  #over = false;
  #changed = Promise.withResolvers<void>();

  constructor() {
    this.readable = readablePieces(this.#pieces());
  }

  /** Absolute: every byte before it is here, read or not. */
  get offset(): number {
    return this.#current ? this.#current.from + this.#current.stream.received : 0;
  }

  /** Goes on with a stream whose first byte is at `from`. */
  connect(stream: MuxStream, from: number): void {
    this.#current = { stream, from };
    this.#streams.push(stream);
    this.#changed.resolve();
  }

  /** No other stream follows. */
  finish(): void {
    this.#over = true;
    this.#changed.resolve();
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const stream = this.#streams.shift();
      if (stream) yield* stream;
      else if (this.#over) return;
      else {
        await this.#changed.promise;
        this.#changed = Promise.withResolvers();
      }
    }
  }
}
