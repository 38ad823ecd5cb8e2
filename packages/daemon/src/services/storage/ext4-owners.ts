/**
 * Makes root the owner of everything in a file system that an ordinary user filled from files of their own, without a
 * user namespace, which a host may forbid. Only for file systems that we have just made.
 */
import { readdir } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";

const DEADLINE_MS = 5 * 60_000;

/** `options.dir` is the directory from which the file system was made. */
export async function giveToRoot(
  exec: Exec,
  file: string,
  { dir, signal }: { dir: string; signal: AbortSignal },
): Promise<void> {
  const requests: string[] = [];
  for (const path of await readdir(dir, { recursive: true })) {
    if (/["\n]/.test(path)) throw new AppError("BUILD_FAILED", `debugfs can not be told of the file ${path}`);
    requests.push(`set_inode_field "/${path}" uid 0`, `set_inode_field "/${path}" gid 0`);
  }
  const input = `${requests.join("\n")}\n`;
  const result = await exec.run(["debugfs", "-w", "-f", "-", file], { input, signal, deadlineMs: DEADLINE_MS });
  // Its exit status says nothing; beside its version it prints complaints only.
  const complaint = result.stderr.split("\n").find((line) => line !== "" && !line.startsWith("debugfs "));
  if (complaint) throw new AppError("BUILD_FAILED", `debugfs could not set an owner in ${file}: ${complaint}`);
}
