/** How far a log that comes over one connection was read, in each of its parts, by what its marks say of its bytes. */
import type { LogMark, LogPosition } from "@banger/contract/daemon/log-line";

export class LogProgress {
  /** bytes that were read */
  bytes = 0;
  readonly #stood: readonly LogPosition[];
  /** by what they are of, up to the current mark */
  readonly #reached = new Map<string, LogPosition>();
  #current: LogMark | undefined;
  /** of bytes that were not read yet */
  readonly #ahead: LogMark[] = [];

  /** `stood`: where the log stands until something was read. */
  constructor(stood: readonly LogPosition[]) {
    this.#stood = stood;
  }

  /** Before the bytes that it is for. */
  mark(mark: LogMark): void {
    this.#ahead.push(mark);
    this.#advance();
  }

  passed(bytes: number): void {
    this.bytes += bytes;
    this.#advance();
  }

  /** What to ask for to go on here. */
  get positions(): readonly LogPosition[] {
    if (this.bytes === 0 || !this.#current) return this.#stood;
    return [...new Map(this.#reached).set(...this.#at(this.#current, this.bytes)).values()];
  }

  #advance(): void {
    for (let next = this.#ahead[0]; next && next.from <= this.bytes; next = this.#ahead[0]) {
      this.#ahead.shift();
      if (this.#current) this.#reached.set(...this.#at(this.#current, next.from));
      this.#current = next;
    }
  }

  #at({ from, of, part, at, skip }: LogMark, bytes: number): [string, LogPosition] {
    return [of, { of, part, at, skip: skip + bytes - from }];
  }
}
