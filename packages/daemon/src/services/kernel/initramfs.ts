/**
 * The initramfs in two archives that the kernel unpacks one after the other: the guest agent as /init, which changes
 * with every build of it, and the modules that it loads, which belong to the kernel.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import { cpioArchive } from "./cpio.ts";
import { KERNEL_FILES, type Kernel } from "./kernel-manifest.ts";

export type EarlyModule = { readonly file: string; readonly content: Uint8Array };
export type Initramfs = { readonly path: string; readonly bytes: number };

/** Of one kernel, for agents that were in use lately. */
const KEPT_PER_KERNEL = 4;

/** /modules/NAME.ko and /modules/load, one file name a line in the order of loading. */
export function modulesArchive(modules: readonly EarlyModule[]): Buffer {
  const load = modules.map(({ file }) => `${file}\n`).join("");
  return cpioArchive([
    { kind: "dir", path: "modules" },
    { kind: "file", path: "modules/load", content: Buffer.from(load) },
    ...modules.map(({ file, content }) => ({ kind: "file" as const, path: `modules/${file}`, content })),
  ]);
}

/** /init, and the console on which the kernel opens its standard streams. */
function agentArchive(agent: Uint8Array): Buffer {
  return cpioArchive([
    { kind: "dir", path: "dev" },
    { kind: "char", path: "dev/console", major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, content: agent },
  ]);
}

/** Finds or makes the initramfs of this kernel with this agent, in `options.dir`. */
export async function ensureInitramfs(
  kernel: Kernel,
  agentBinaryPath: string,
  options: { dir: string },
): Promise<Initramfs> {
  const { id } = kernel.manifest;
  const { head, path, bytes } = await plan(kernel, agentBinaryPath, options);
  if ((await stat(path).catch(() => undefined))?.size === bytes) return { path, bytes }; // ENOENT: made below
  const modules = await readFile(join(kernel.dir, KERNEL_FILES.initramfsModules));
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  await atomicWrite(path, Buffer.concat([head, modules]), { mode: 0o444 });
  await prune(options.dir, { id, keep: basename(path) });
  return { path, bytes };
}

/** Reads it whole. One that was damaged is removed, so that the next start makes it anew, and KERNEL_CORRUPT is thrown. */
export async function verifyInitramfs(
  kernel: Kernel,
  agentBinaryPath: string,
  options: { dir: string; signal: AbortSignal },
): Promise<void> {
  const { head, path } = await plan(kernel, agentBinaryPath, options);
  const found = await readFile(path, { signal: options.signal }).catch(() => undefined);
  options.signal.throwIfAborted();
  if (!found) return; // pruned meanwhile
  const modules = await readFile(join(kernel.dir, KERNEL_FILES.initramfsModules));
  if (found.equals(Buffer.concat([head, modules]))) return;
  await rm(path, { force: true });
  const { id } = kernel.manifest;
  throw new AppError("KERNEL_CORRUPT", `the initramfs ${path} of kernel ${id} is not what was made, and was removed`, {
    facts: { id, path },
    hint: "Try again: it is made anew from the kernel and the agent.",
  });
}

/** Its name says what it is made of. */
async function plan(
  { manifest: { id, files } }: Kernel,
  agentBinaryPath: string,
  { dir }: { dir: string },
): Promise<{ head: Buffer; path: string; bytes: number }> {
  const head = agentArchive(await readAgent(agentBinaryPath));
  const tail = files.find(({ name }) => name === KERNEL_FILES.initramfsModules);
  const digest = createHash("sha256")
    .update(head)
    .update(tail?.sha256 ?? "")
    .digest("hex")
    .slice(0, 16);
  return { head, path: join(dir, `${id}-${digest}.cpio`), bytes: head.length + (tail?.bytes ?? 0) };
}

export async function removeInitramfs(id: string, options: { dir: string }): Promise<void> {
  for (const name of await namesOf(id, options.dir)) await rm(join(options.dir, name), { force: true });
}

async function readAgent(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new AppError("FILE_UNREADABLE", `the guest agent ${path} can not be read`, { facts: { path }, cause: error });
  }
}

async function prune(dir: string, { id, keep }: { id: string; keep: string }): Promise<void> {
  const dated: Array<{ name: string; at: number }> = [];
  for (const name of await namesOf(id, dir)) {
    const found = await stat(join(dir, name)).catch(() => undefined); // ENOENT: another prune was quicker
    if (found && name !== keep) dated.push({ name, at: found.mtimeMs });
  }
  dated.sort((a, b) => b.at - a.at);
  for (const { name } of dated.slice(KEPT_PER_KERNEL - 1)) await rm(join(dir, name), { force: true });
}

async function namesOf(id: string, dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => []); // ENOENT: none was made yet
  return names.filter((name) => name.startsWith(`${id}-`) && name.endsWith(".cpio"));
}
