/** Our side of a terminal: standard input, whether there is a terminal at all, its size, and its raw mode. */
import type { Readable, Writable } from "node:stream";

export type Size = { readonly rows: number; readonly columns: number };

export type Terminal = {
  readonly stdin: Readable;
  /** standard input and output are both a terminal, so that a person is at either end */
  readonly isInteractive: boolean;
  readonly stdinIsTty: boolean;
  size(): Size;
  onResize(listener: () => void): Disposable;
  /** keys go through as they are typed, and output as it comes, until disposed */
  rawMode(): Promise<AsyncDisposable>;
};

export type InputStream = Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
export type OutputStream = Writable & { isTTY?: boolean; rows?: number; columns?: number };

export type TerminalStreams = {
  readonly stdin: () => InputStream;
  readonly stdout: OutputStream;
  /** Node's raw mode goes on to turn line feeds into two characters; a guest's terminal has done so already */
  readonly rawOutput: () => Promise<void>;
};

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/** `stdin` is asked for late: to open it is to read from it, and most commands never do. */
export function createTerminal(streams: TerminalStreams): Terminal {
  const { stdin, stdout } = streams;
  return {
    get stdin() {
      return stdin();
    },
    get isInteractive() {
      return stdin().isTTY === true && stdout.isTTY === true;
    },
    get stdinIsTty() {
      return stdin().isTTY === true;
    },
    size: () => ({ rows: stdout.rows || DEFAULT_SIZE.rows, columns: stdout.columns || DEFAULT_SIZE.columns }),
    onResize(listener) {
      stdout.on("resize", listener);
      return { [Symbol.dispose]: () => void stdout.off("resize", listener) };
    },
    async rawMode() {
      const input = stdin();
      input.setRawMode?.(true);
      await streams.rawOutput();
      return {
        [Symbol.asyncDispose]() {
          input.setRawMode?.(false);
          return Promise.resolve();
        },
      };
    },
  };
}
