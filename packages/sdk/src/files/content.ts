/**
 * The bytes of a machine's files over a connection, which each call uses up. What they are worth is decided by whoever reads
 * them: a guest may have written anything.
 */
import { addAbortListener } from "node:events";
import { type Duplex, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { contentStream, PutEnd } from "@banger/contract/daemon/files";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import { raceAbort } from "@banger/platform/time/deadline";
import type { BangerClient } from "../client.ts";

export type Signal = { readonly signal?: AbortSignal | undefined };
export type Content = AsyncDisposable & { readonly bytes: Readable };

type Place = { readonly ref: string; readonly path: string };
type Members = { readonly ref: string; readonly directory: string; readonly members: string[] };

/** A tar of members of a directory, of all of it without members. Ends with an error when the machine could not give it all. */
export async function openArchive(client: BangerClient, params: Members, { signal }: Signal): Promise<Content> {
  return opened((await client.upgrade("files.get", params, { signal })).mux, signal);
}

/** What a file holds. */
export async function openFile(client: BangerClient, params: Place, { signal }: Signal): Promise<Content> {
  return opened((await client.upgrade("files.read", params, { signal })).mux, signal);
}

export type Source = AsyncIterable<Uint8Array>;

/** Resolves when all of the archive is unpacked. */
export async function putArchive(
  client: BangerClient,
  params: { readonly ref: string; readonly directory: string },
  options: Signal & { readonly source: Source },
): Promise<PutEnd> {
  const { signal } = options;
  return await send((await client.upgrade("files.put", params, { signal })).mux, options);
}

/** Makes a file of what the source gives; resolves when it is on the machine's disk. */
export async function putFile(
  client: BangerClient,
  params: Place,
  options: Signal & { readonly source: Source },
): Promise<PutEnd> {
  const { signal } = options;
  return await send((await client.upgrade("files.write", params, { signal })).mux, options);
}

function opened(mux: Mux, signal: AbortSignal | undefined): Content {
  const listening = givenUpAt(signal, mux);
  const bytes = mux.stream(contentStream);
  bytes.end();
  return {
    bytes,
    [Symbol.asyncDispose]: async () => {
      listening[Symbol.dispose]();
      // Read to its end it is over; what nobody wants any more is not waited for.
      if (!bytes.readableEnded) mux.destroy(new AppError("CANCELLED", "the copy was given up"));
      await mux.close();
    },
  };
}

async function send(mux: Mux, { source, signal }: Signal & { source: Source }): Promise<PutEnd> {
  using _listening = givenUpAt(signal, mux);
  const content = mux.stream(contentStream);
  const answer = text(content);
  answer.catch(() => undefined); // it fails as the sending does
  try {
    await pipeline(Readable.from(whileOpen(source, content), { objectMode: false }), content);
    const end = await answer;
    return PutEnd.parse(JSON.parse(end));
  } catch (error) {
    signal?.throwIfAborted();
    if (AppError.is(error)) throw error;
    await mux.closed; // says better why it ended
    throw new AppError("DAEMON_UNREACHABLE", "the daemon went away before the copy was complete", { cause: error });
  } finally {
    mux.destroy(new AppError("CANCELLED", "the copy was given up"));
  }
}

/** A source that gives nothing, as an idle terminal does, is not waited for when nobody takes it any more. */
async function* whileOpen(source: Source, content: Duplex): AsyncGenerator<Uint8Array> {
  const gone = new AbortController();
  content.once("close", () => gone.abort());
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await raceAbort(chunks.next(), gone.signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    chunks.return?.().catch(() => undefined); // the copy has its own reason to end
  }
}

/** A machine that sends nothing, or takes nothing, must not keep whoever was interrupted. */
function givenUpAt(signal: AbortSignal | undefined, mux: Mux): Disposable {
  const giveUp = () => {
    const reason: unknown = signal?.reason;
    mux.destroy(AppError.is(reason) ? reason : new AppError("CANCELLED", "the copy was given up", { cause: reason }));
  };
  if (signal?.aborted) giveUp();
  return signal ? addAbortListener(signal, giveUp) : { [Symbol.dispose]: () => undefined };
}
