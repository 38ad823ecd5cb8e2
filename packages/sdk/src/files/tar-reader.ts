/**
 * An archive as it arrives, into entries and their contents. The bytes may be anybody's: what is remembered of them is
 * bounded, and a stream that ends before the archive does is an error, not a shorter archive.
 */
import { decodeHeader, decodePax, type Extended, isZero, unsafe, withExtended, withoutNul } from "./tar-decode.ts";
import { BLOCK, padding, type TarEntry } from "./tar-header.ts";

/** bytes of names and times before one entry */
const MAX_EXTENDED_BYTES = 1 << 20;
/** headers that describe nothing, one after the other */
const MAX_IDLE_HEADERS = 16;

export class TarReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  /** bytes of the entry's content that were not read */
  #left = 0;
  #padding = 0;
  /** taken from the source */
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next entry; undefined at the archive's end. Content that was not read is passed over. */
  async next(): Promise<TarEntry | undefined> {
    for await (const _ of this.content());
    let extended: Extended = {};
    for (let idle = 0; idle <= MAX_IDLE_HEADERS; idle += 1) {
      await this.#skipPadding();
      const block = await this.#take(BLOCK);
      if (isZero(block)) {
        await this.#drain();
        return undefined;
      }
      const { is, entry } = decodeHeader(block);
      if (is === "entry") {
        const whole = withExtended(entry, extended);
        this.#expect(whole.size);
        return whole;
      }
      this.#expect(entry.size);
      extended = { ...extended, ...(await this.#before(is, entry.size)) };
    }
    throw unsafe(`more than ${MAX_IDLE_HEADERS} headers describe nothing`);
  }

  /** What the current entry holds, in pieces as they come. */
  async *content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const piece = await this.#some(this.#left);
      this.#left -= piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #expect(size: number): void {
    this.#left = size;
    this.#padding = padding(size);
  }

  async #before(is: "extended" | "longName" | "longLink" | "ignored", size: number): Promise<Extended> {
    if (size > MAX_EXTENDED_BYTES) throw unsafe(`a header of ${size} bytes stands before an entry`);
    const data = await this.#take(size);
    this.#left = 0;
    if (is === "extended") return decodePax(data);
    if (is === "ignored") return {};
    const name = withoutNul(data.at(-1) === 0 ? data.subarray(0, -1) : data);
    return is === "longName" ? { path: name } : { link: name };
  }

  async #skipPadding(): Promise<void> {
    if (this.#padding > 0) await this.#take(this.#padding);
    this.#padding = 0;
  }

  async #take(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = bytes; left > 0; left -= pieces.at(-1)?.length ?? 0) pieces.push(await this.#some(left));
    return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  }

  async #some(most: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      if (!(await this.#pull())) throw unsafe("it ends early");
    }
    const piece = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }

  async #pull(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    const { buffer, byteOffset, byteLength } = next.value;
    this.#chunk = Buffer.from(buffer, byteOffset, byteLength);
    this.bytes += byteLength;
    return true;
  }

  /** Whether all went well is told behind the archive's end. */
  async #drain(): Promise<void> {
    const end = this.bytes + MAX_EXTENDED_BYTES;
    while (await this.#pull()) if (this.bytes > end) throw unsafe("it does not end");
  }
}
