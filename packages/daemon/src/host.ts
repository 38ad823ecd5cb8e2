/** What the host is and has, read where the kernel tells it. */
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { MIB } from "@banger/contract/sizes";
import type { Host } from "./services/vm/new-machine.ts";

export function readHost(): Host {
  return { cpus: availableParallelism(), memoryMib: Math.floor(totalmem() / MIB) };
}

/** MemAvailable: what can be had without swapping, MiB. */
export async function availableMib(): Promise<number> {
  const text = await readFile("/proc/meminfo", "utf8");
  const kib = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
  return Math.floor(kib / 1024);
}
