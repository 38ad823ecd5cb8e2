/** Which files of a directory go into a machine: what git tracks, or all of a directory that git does not know. Reads no content. */
import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, isAbsolute, relative, resolve } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { errnoOf } from "@banger/platform/fs/errno";
import { unreadable } from "../files/host-error.ts";
import type { PackSource } from "../files/pack.ts";
import { gitFiles, isInRepository } from "./git-files.ts";
import { looksSecret } from "./secret-names.ts";

export type PlannedFile = {
  /** relative to the directory */
  readonly path: Buffer;
  readonly kind: "file" | "directory" | "link";
  /** bytes */
  readonly size: number;
};

export type WorkspacePlan = {
  /** absolute, without links */
  readonly directory: string;
  /** of the directory in the machine, beneath its home */
  readonly name: string;
  readonly files: readonly PlannedFile[];
  /** bytes of all files */
  readonly bytes: number;
  /** untracked files that are not taken because nobody asked for them */
  readonly untracked: readonly Buffer[];
  /** untracked files that are not taken because they may hold secrets */
  readonly secrets: readonly Buffer[];
  /** files that may hold secrets and are taken, because no git says what belongs to the project */
  readonly exposed: readonly Buffer[];
  /** repositories within, that are no submodules */
  readonly nested: readonly Buffer[];
};

export type PlanOptions = {
  readonly exec: Exec;
  readonly includeUntracked: boolean;
  /** files to be taken whatever git says of them; relative to the directory */
  readonly include: readonly string[];
  readonly signal?: AbortSignal | undefined;
};

const COMMAND_HINT = "A command goes behind `--`: banger run -- CMD.";
const SLASH = Buffer.from("/");
const SLASH_BYTE = 0x2f;

export async function planWorkspace(path: string, options: PlanOptions): Promise<WorkspacePlan> {
  const directory = realDirectory(path);
  const name = basename(directory);
  if (name === "") throw new AppError("USAGE", "the root directory of this host can not be a workspace");
  const named = options.include.map((file) => namedFile(directory, file));
  const plan = new Plan(directory);
  if (!isInRepository(directory)) {
    plan.addTree(Buffer.alloc(0));
    const all = plan.result();
    const exposed = all.files.flatMap(({ path, kind }) => (kind !== "directory" && looksSecret(path) ? [path] : []));
    return { ...all, name, untracked: [], secrets: [], exposed, nested: [] };
  }
  const { tracked, untracked } = await gitFiles(directory, options);
  for (const file of [...tracked, ...named]) plan.add(file);
  const others = untracked.filter((file) => !named.some((one) => one.equals(file)));
  const nested = others.filter((file) => file.at(-1) === SLASH_BYTE);
  const plain = others.filter((file) => file.at(-1) !== SLASH_BYTE);
  const secrets = plain.filter(looksSecret);
  const harmless = plain.filter((file) => !looksSecret(file));
  if (options.includeUntracked) for (const file of harmless) plan.add(file);
  return { ...plan.result(), name, untracked: options.includeUntracked ? [] : harmless, secrets, exposed: [], nested };
}

/** What is sent, under the workspace's name, directories before what is in them. */
export function* workspaceSources({ directory, name, files }: WorkspacePlan): Generator<PackSource> {
  const root = Buffer.from(directory);
  const top = Buffer.from(name);
  yield { path: root, name: top, deep: false, follow: false };
  for (const { path } of files) {
    const beneath = Buffer.concat([SLASH, path]);
    yield { path: Buffer.concat([root, beneath]), name: Buffer.concat([top, beneath]), deep: false, follow: false };
  }
}

class Plan {
  readonly #root: Buffer;
  readonly #files: PlannedFile[] = [];
  readonly #known = new Set<string>();
  readonly #directory: string;
  #bytes = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#root = Buffer.concat([Buffer.from(directory), SLASH]);
  }

  result(): Pick<WorkspacePlan, "directory" | "files" | "bytes"> {
    return { directory: this.#directory, files: this.#files, bytes: this.#bytes };
  }

  /** With the directories above it. What git lists and is not there is passed over, and so is what lies behind a link. */
  add(path: Buffer): boolean {
    const key = path.toString("latin1");
    if (this.#known.has(key)) return true;
    const parts = key.split("/");
    if (parts.some((part) => part === "" || part === "." || part === "..")) return false;
    const above = path.lastIndexOf(SLASH_BYTE);
    if (above > 0 && !this.#addDirectory(path.subarray(0, above))) return false;
    const stats = lstatSync(Buffer.concat([this.#root, path]), { throwIfNoEntry: false });
    const kind = stats?.isFile() ? "file" : stats?.isDirectory() ? "directory" : stats?.isSymbolicLink() && "link";
    if (!stats || !kind) return false;
    const size = kind === "file" ? stats.size : 0;
    this.#known.add(key);
    this.#files.push({ path, kind, size });
    this.#bytes += size;
    return true;
  }

  /** All that there is. */
  addTree(path: Buffer): void {
    const folder = path.length === 0 ? this.#root : Buffer.concat([this.#root, path]);
    for (const entry of readDirectory(folder)) {
      const child = path.length === 0 ? entry.name : Buffer.concat([path, SLASH, entry.name]);
      this.add(child);
      if (entry.isDirectory()) this.addTree(child);
    }
  }

  #addDirectory(path: Buffer): boolean {
    if (!this.add(path)) return false;
    const stats = lstatSync(Buffer.concat([this.#root, path]), { throwIfNoEntry: false });
    return stats?.isDirectory() ?? false;
  }
}

function readDirectory(path: Buffer): Dirent<Buffer>[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true, encoding: "buffer" });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (error) {
    throw unreadable(path.toString("utf8"), error);
  }
}

function realDirectory(path: string): string {
  try {
    const directory = realpathSync(path);
    if (statSync(directory).isDirectory()) return directory;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw unreadable(path, error);
    const hint = `${COMMAND_HINT} --image chooses an image.`;
    throw new AppError("FILE_UNREADABLE", `there is no directory ${JSON.stringify(path)}`, { hint, facts: { path } });
  }
  throw new AppError("USAGE", `${path} is not a directory`, { hint: COMMAND_HINT });
}

function namedFile(directory: string, file: string): Buffer {
  const path = resolve(directory, file);
  const within = relative(directory, path);
  if (within === "" || within.startsWith("../") || within === ".." || isAbsolute(within)) {
    throw new AppError("USAGE", `--include ${JSON.stringify(file)} does not lie in ${directory}`);
  }
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() || stats?.isSymbolicLink()) return Buffer.from(within);
  throw new AppError("USAGE", `--include ${JSON.stringify(file)} is not a file in ${directory}`);
}
