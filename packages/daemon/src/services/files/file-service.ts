/**
 * Files of machines, for clients. Bytes go between a client's connection and the guest's agent as fast as the slower of
 * them takes them; nothing is kept, nothing is looked into, and no path of the host is opened. Whichever end goes away,
 * the other hears of it, and the guest's side of the transfer is cancelled.
 */
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { contentStream, type GuestFile, type PutEnd } from "@banger/contract/daemon/files";
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import type { Mux } from "@banger/platform/rpc/mux";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import { readFile, statFile, tarIn, tarOut, writeFile } from "../guest/files.ts";
import type { VmService } from "../vm/vm-service.ts";

export type FileServiceDeps = { readonly vm: Pick<VmService, "live"> };
export type Serve = (mux: Mux) => Promise<void>;
type Place = { readonly ref: string; readonly path: string };

const TYPE_MASK = 0o170000;
const KINDS: ReadonlyMap<number, GuestFile["kind"]> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "link"],
]);

export class FileService {
  readonly #deps: FileServiceDeps;

  constructor(deps: FileServiceDeps) {
    this.#deps = deps;
  }

  async stat({ ref, path }: Place, { signal }: { signal: AbortSignal }): Promise<GuestFile> {
    const { guest, name } = this.#open(ref);
    return await told(`${name}:${path} can not be looked at`, async () => {
      const { mode, size, mtimeNs } = await statFile(guest, path, { signal });
      return { kind: KINDS.get(mode & TYPE_MASK) ?? "other", mode: mode & 0o7777, size, mtimeNs: String(mtimeNs) };
    });
  }

  get({ ref, directory, members }: { ref: string; directory: string; members: readonly string[] }): Serve {
    const { guest, name } = this.#open(ref);
    const whole = members.length === 1 ? `${directory === "/" ? "" : directory}/${members[0]}` : directory;
    return sending(`${name}:${whole} can not be read`, (waiting) =>
      tarOut(guest, { directory, members, followNamed: true }, waiting),
    );
  }

  read({ ref, path }: Place): Serve {
    const { guest, name } = this.#open(ref);
    return sending(`${name}:${path} can not be read`, (waiting) => readFile(guest, path, waiting));
  }

  put({ ref, directory }: { ref: string; directory: string }): Serve {
    const { guest, name } = this.#open(ref);
    return receiving(`${name}:${directory} can not be written to`, (source, waiting) =>
      tarIn(guest, { directory, source }, waiting),
    );
  }

  write({ ref, path }: Place): Serve {
    const { guest, name } = this.#open(ref);
    return receiving(`${name}:${path} can not be written`, async (source, waiting) => ({
      entries: 1,
      bytes: await writeFile(guest, { path, source }, waiting),
    }));
  }

  #open(ref: string): { guest: GuestChannel; name: string } {
    const { machine, live } = this.#deps.vm.live(ref);
    return { guest: live.guest, name: machine.record.name };
  }
}

type Waiting = { readonly signal: AbortSignal };

function sending(what: string, open: (waiting: Waiting) => Readable): Serve {
  return async (mux) => {
    const signal = untilClosed(mux);
    try {
      await pipeline(inOurWords(what, open({ signal })), mux.stream(contentStream), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
    await mux.close();
  };
}

function receiving(what: string, take: (source: AsyncIterable<Buffer>, waiting: Waiting) => Promise<PutEnd>): Serve {
  return async (mux) => {
    const signal = untilClosed(mux);
    const content = mux.stream(contentStream);
    // The refusal has to reach the client before its stream is given up.
    const source = content.iterator({ destroyOnReturn: false });
    const end = await told(what, () => take(source, { signal }));
    content.end(JSON.stringify(end));
    await mux.close();
  };
}

/** The stream's own error is what the client sees, so it has to be the one that names the file. */
async function* inOurWords(what: string, from: Readable): AsyncGenerator<Buffer> {
  try {
    yield* from;
  } catch (error) {
    throw reworded(what, error);
  }
}

/** Aborts when the client has gone: a guest that is waiting for bytes, or for a reader, is not left to its deadline. */
function untilClosed(mux: Mux): AbortSignal {
  const gone = new AbortController();
  const over = () => gone.abort(new AppError("CANCELLED", "the client went away"));
  mux.closed.then(over, over);
  return gone.signal;
}

async function told<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw reworded(what, error);
  }
}

/** The guest's refusal in the words of files. Its reason is the guest's, and was made printable where it was read. */
function reworded(what: string, error: unknown): unknown {
  if (!AppError.is(error, "GUEST_REFUSED")) return error;
  const { errno, errnoName, reason: said } = error.facts;
  const code = errno === ERRNO.noEntry ? "GUEST_FILE_NOT_FOUND" : "GUEST_REFUSED";
  const reason =
    said === errnoName && errno === ERRNO.noEntry ? `no such file or directory (${errnoName})` : String(said);
  return new AppError(code, `${what}: ${reason}`, { facts: error.facts, cause: error });
}
