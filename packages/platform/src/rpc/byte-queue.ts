/**
 * Bytes that wait to be read. Small pieces are copied together, because a peer chooses how small they are and every
 * Buffer costs more than a few bytes.
 */
const SMALL_BYTES = 1024;
const BLOCK_BYTES = 8192;

export class ByteQueue {
  readonly #pieces: Buffer[] = [];
  /** the last piece when it has room left, `#blockBytes` of it in use */
  #block: Buffer | undefined;
  #blockBytes = 0;
  #bytes = 0;

  /** bytes held */
  get size(): number {
    return this.#bytes;
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#sealBlock();
      this.#pieces.push(piece);
      return;
    }
    if (this.#block && this.#blockBytes + piece.length > BLOCK_BYTES) this.#sealBlock();
    this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    piece.copy(this.#block, this.#blockBytes);
    this.#blockBytes += piece.length;
  }

  /** The oldest bytes, as many as lie together. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 0) this.#sealBlock();
    const piece = this.#pieces.shift();
    if (piece) this.#bytes -= piece.length;
    return piece;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#block = undefined;
    this.#blockBytes = 0;
    this.#bytes = 0;
  }

  #sealBlock(): void {
    if (this.#block) this.#pieces.push(this.#block.subarray(0, this.#blockBytes));
    this.#block = undefined;
    this.#blockBytes = 0;
  }
}
