/** On what the numbers were taken; without it they mean nothing. */
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Exec } from "@banger/platform/exec/run";

export type HostFacts = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly kernel: string;
  readonly qemu: string;
  readonly node: string;
  /** processes that wanted to run before the bench began, averages over 1, 5 and 15 minutes */
  readonly loadBefore: readonly number[];
};

export async function readHostFacts(exec: Exec): Promise<HostFacts> {
  const first = async (argv: readonly string[]) =>
    (await exec.run(argv, { check: false, deadlineMs: 10_000 })).stdout.toString("utf8").split("\n")[0] ?? "";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryMib: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    qemu: await first(["qemu-system-x86_64", "--version"]),
    node: process.version,
    loadBefore: loadavg(),
  };
}
