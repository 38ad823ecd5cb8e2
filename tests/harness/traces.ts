/** What a home of banger's has on the host: processes, files and mounts that carry its path. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type Traces = { readonly processes: string[]; readonly files: string[]; readonly mounts: string[] };

/** Files that change with time and are no trace of a machine; `fixture` is what a test puts there itself. */
const ITS_OWN = /^(?:home|cache|config|fixture|data\/banger\/(?:bangerd\.log|banger\.db|lock|acceleration|initramfs))/;

/** Everything but the daemon itself, and its own files. */
export async function tracesOf(directory: string): Promise<Traces> {
  const all = await processesNaming(directory);
  return {
    processes: all.filter((line) => !line.includes("bangerd.cjs")),
    files: (await readdir(directory, { recursive: true })).filter((path) => !ITS_OWN.test(path)).sort(),
    mounts: (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter((line) => line.includes(directory)),
  };
}

/** Command lines in which the directory stands. */
export async function processesNaming(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(join("/proc", pid, "cmdline"), "utf8").catch(() => ""); // it has just ended
    if (line.includes(directory)) found.push(`${pid} ${line.replaceAll("\0", " ").trim()}`);
  }
  return found;
}
