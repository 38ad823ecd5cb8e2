/** `cp`: files into and out of machines. The client reads and writes them; the daemon and the guest see bytes. */
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import { MIB, parseSizeMib } from "@banger/contract/sizes";
import { copyBetween } from "@banger/sdk/files/between";
import { DEFAULT_LIMITS, type Limits, NO_LIMITS, type OnProgress, type OnTotal } from "@banger/sdk/files/budget";
import { openArchive, openFile } from "@banger/sdk/files/content";
import { type Copied, download } from "@banger/sdk/files/download";
import { guestLanding } from "@banger/sdk/files/guest-landing";
import { parseGuestPath } from "@banger/sdk/files/guest-path";
import { upload, uploadStream } from "@banger/sdk/files/upload";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { type Place, parsePlace } from "../../arguments/parse-place.ts";
import { startCopyProgress } from "../../output/copy-progress.ts";
import { outputError } from "../../output/output.ts";
import { printableLines } from "../../output/printable-lines.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

export const command = defineCommand(
  {
    description:
      "Copies files and directories into a machine, out of it or to another; the last PATH is where they go. A path in a machine is " +
      "MACHINE:PATH, and begins at /root if it does not begin with /. A directory goes into a directory that is there, and " +
      "gets the name of one that is not; what ends with /. is the contents alone. - is standard input or output: the content " +
      "of a file, or a tar of a directory. Modes and times are kept. Out of a machine come files, directories and links that " +
      "stay within what is copied, and at most 16 GiB or 500000 files.",
    args: { path: { arity: "some", help: "what is copied, and where to", parse: parsePlace, completes: "places" } },
    options: {
      "max-size": { value: "SIZE", help: "take at most this out of a machine", parse: parseMaxBytes },
      force: { short: "f", help: "take as much out of a machine as it sends" },
      quiet: quietOption,
      json: jsonOption,
    },
    needless: ["-r, --recursive", "-a, --archive", "-p, --preserve"],
    examples: [
      { line: "banger cp web:/etc/os-release -", help: "print a file" },
      { line: "banger cp ./dir web:/srv/", help: "a directory, to /srv/dir" },
      { line: "banger cp web:/var/log/. ./logs", help: "what is in a directory" },
      { line: "banger cp web:/srv db:/srv", help: "from one machine to another" },
      { line: "tar c . | banger cp - web:/srv", help: "unpack an archive" },
    ],
  },
  async ({ args, options }, context) => {
    const limits = options.force ? NO_LIMITS : { ...DEFAULT_LIMITS, ...options["max-size"] };
    if (options.json && args.path.at(-1)?.kind === "stream") {
      throw wrong("cp takes no --json where standard output is what is copied");
    }
    const copy = copyOf(args.path, { limits, quiet: options.quiet }, context);
    try {
      const copied = await copy();
      if (options.json && copied) context.out.json(copied);
    } catch (error) {
      if (!context.signal.aborted || !AppError.is(error, "CANCELLED")) throw error;
      throw new AppError("CANCELLED", error.message, {
        hint: "Files that were complete by then are there.",
        cause: error,
      });
    }
    return 0;
  },
);

type Machine = Extract<Place, { kind: "machine" }>;
type How = { readonly limits: Limits; readonly quiet: boolean };
type Copy = () => Promise<Copied | undefined>;

function copyOf(places: readonly Place[], how: How, context: Context): Copy {
  const target = places.at(-1);
  const sources = places.slice(0, -1);
  const [first] = sources;
  if (!target || !first) throw wrong("cp needs what to copy, and where to");
  const fromHost = sources.flatMap((source) => (source.kind === "host" ? [source.path] : []));
  const fromMachines = sources.filter((source) => source.kind === "machine");
  if (target.kind === "machine") {
    if (fromHost.length === sources.length) return () => intoMachine(fromHost, target, { ...context, ...how });
    if (first.kind === "stream" && sources.length === 1) return () => fromStdin(target, { ...context, ...how });
    if (fromMachines.length === sources.length)
      return () => betweenMachines(fromMachines, target, { ...context, ...how });
    throw wrong(
      "cp copies files of this host, of machines, or standard input into a machine, and one of these at once",
    );
  }
  if (fromMachines.length !== sources.length) throw wrong("cp copies into a machine or out of one: MACHINE:PATH");
  if (target.kind === "host") return () => outOfMachines(fromMachines, target.path, { ...context, ...how });
  const [only, more] = fromMachines;
  if (!only || more) throw wrong("only one thing at a time can go to standard output");
  return () => toStdout(only, context);
}

async function intoMachine(from: readonly string[], to: Machine, how: Context & How): Promise<Copied> {
  using progress = startCopyProgress(how);
  const { onProgress, onTotal } = progress;
  const client = await how.daemon.connect();
  const copied = await upload(client, { ref: to.ref, from, to: to.path, signal: how.signal, onProgress, onTotal });
  progress.done(copied);
  return copied;
}

async function fromStdin(to: Machine, how: Context & How): Promise<Copied> {
  using progress = startCopyProgress(how);
  let bytes = 0;
  const source = how.terminal.stdin.map((chunk: Buffer) => {
    bytes += chunk.length;
    progress.onProgress({ entries: 1, bytes });
    return chunk;
  });
  const client = await how.daemon.connect();
  const copied = await uploadStream(client, { ref: to.ref, to: to.path, source, signal: how.signal });
  progress.done(copied);
  return copied;
}

async function outOfMachines(from: readonly Machine[], to: string, how: Context & How): Promise<Copied> {
  if (from.length > 1 && !(await isDirectory(to))) {
    throw new AppError("FILE_UNWRITABLE", `${to} is not a directory, and several things are to go there`);
  }
  return await eachInTurn(from, how, async ({ ref, path }, options) =>
    download(await how.daemon.connect(), { ref, from: path, to, ...options }),
  );
}

async function betweenMachines(from: readonly Machine[], to: Machine, how: Context & How): Promise<Copied> {
  if (from.length > 1) {
    const client = await how.daemon.connect();
    await guestLanding(client, { ref: to.ref, to: to.path, sources: from.map(() => ({ isDirectory: false })) });
    await client.close();
  }
  return await eachInTurn(from, how, async (one, options) => {
    const clients = { from: await how.daemon.connect(), to: await how.daemon.connect() };
    return await copyBetween(clients, { from: one, to, ...options });
  });
}

type Options = {
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onTotal: OnTotal | undefined;
};

/** One after the other, counted together. */
async function eachInTurn(
  from: readonly Machine[],
  how: Context & How,
  copy: (one: Machine, options: Options) => Promise<Copied>,
): Promise<Copied> {
  using progress = startCopyProgress(how);
  let all: Copied = { entries: 0, bytes: 0, leftOut: [] };
  for (const one of from) {
    const before = all;
    const sum = (more: { entries: number; bytes: number }) => {
      return { entries: before.entries + more.entries, bytes: before.bytes + more.bytes };
    };
    const onProgress: OnProgress = (done) => progress.onProgress(sum(done));
    const onTotal = from.length === 1 ? progress.onTotal : undefined;
    const copied = await copy(one, { limits: how.limits, signal: how.signal, onProgress, onTotal });
    all = { ...sum(copied), leftOut: [...before.leftOut, ...copied.leftOut] };
  }
  progress.done(all);
  return all;
}

/** A file's content, made printable for a terminal; a directory is a tar, which no terminal wants. */
async function toStdout({ ref, path: text }: Machine, { daemon, out, signal }: Context): Promise<undefined> {
  const { path } = parseGuestPath(text);
  const client = await daemon.connect();
  const { kind } = await client.call("files.stat", { ref, path });
  if (kind === "directory" && out.isTty) throw wrong(`${ref}:${path} is a directory: its tar is not for a terminal`);
  await using content =
    kind === "directory"
      ? await openArchive(client, { ref, directory: path, members: [] }, { signal })
      : await openFile(client, { ref, path }, { signal });
  try {
    const filter = out.isTty ? [printableLines()] : [];
    await pipeline([content.bytes, ...filter, out.stream], { end: false, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw AppError.is(error) ? error : outputError(error);
  }
  return undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined); // what is wrong with it shows when it is written to
  return found?.isDirectory() ?? false;
}

function parseMaxBytes(text: string): { maxBytes: number } {
  return { maxBytes: parseSizeMib(text) * MIB };
}

function wrong(what: string): AppError {
  return new AppError("USAGE", what, { hint: "`banger cp --help` shows what it takes." });
}
