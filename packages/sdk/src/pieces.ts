/** A stream of pieces that come when they come. Unlike one of Readable.from it can be given up while it waits for the next. */
import { Readable } from "node:stream";

/** Whoever gives it up ends what the pieces come from, too. */
export function readablePieces(pieces: AsyncIterator<Buffer, void>): Readable {
  const readable: Readable = new Readable({
    read: () => {
      pieces.next().then(
        ({ done, value }) => void readable.push(done ? null : value),
        (error: Error) => void readable.destroy(error),
      );
    },
  });
  return readable.on("error", () => undefined); // those who read hear of it
}
