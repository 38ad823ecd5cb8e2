/** The bench's own C programs, built static like everything that goes where no libc can be counted on. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";

const FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-Wshadow"];
const sources = {
  floor: ["floor/floor.c", "floor/wire.c"],
  spawn: ["guest/spawn.c"],
  port: ["guest/port.c"],
  server: ["guest/server.c"],
  peak: ["host/peak.c"],
} as const;

/** Path of the program. Compiled anew each time: it takes a blink, and nothing can be stale. */
export async function buildProgram(exec: Exec, { root, name }: { root: string; name: keyof typeof sources }) {
  const directory = join(root, "build/bench/bin");
  await mkdir(directory, { recursive: true });
  const program = join(directory, name);
  const files = sources[name].map((file) => join(root, "bench", file));
  await exec.run(["musl-gcc", ...FLAGS, "-o", program, ...files], { deadlineMs: 60_000 });
  return program;
}
