/** Bounded views of a byte stream: its last part, and its lines. */
import { StringDecoder } from "node:string_decoder";

/** Keeps about the last `maxBytes`. */
export class TailBuffer {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#bytes -= this.#chunks.shift()?.length ?? 0;
    }
  }

  toString(): string {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - this.#maxBytes)).toString("utf8");
  }
}

/** longer lines are given in pieces, `characters` */
const MAX_LINE = 8192;

/** Calls back for each line; a carriage return ends one too, since progress bars write nothing else. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const parts = (this.#rest + this.#decoder.write(chunk)).split(/[\r\n]+/);
    this.#rest = parts.pop() ?? "";
    for (const part of parts) if (part !== "") this.#onLine(part);
    if (this.#rest.length > MAX_LINE) {
      this.#onLine(this.#rest);
      this.#rest = "";
    }
  }

  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (rest !== "") this.#onLine(rest);
  }
}
