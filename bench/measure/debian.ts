/** A machine with systemd: its first command must not wait for systemd. */
import { performance } from "node:perf_hooks";
import { treeBytes } from "@banger/platform/fs/tree-bytes";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "debian-bookworm";
/** a boot takes ten times that of the small image */
const MAX_RUNS = 5;
const SYSTEMD_MS = 600_000;
const DISK_MB = 5;
/** systemd refuses to be asked until its socket is there; the loop costs the guest little */
const UNTIL_FINISHED =
  'until s=$(systemctl is-system-running --wait 2>/dev/null); [ running = "$s" ] || [ degraded = "$s" ]; ' +
  'do sleep 0.2; done; echo "$s"';

export const debian: Measurement = {
  name: "debian",
  async measure(bench: Bench): Promise<readonly Row[]> {
    await bench.product.prepare(IMAGE);
    const [first, finished, disk] = [new Series(), new Series(), new Series()];
    const runs = Math.min(bench.runs, MAX_RUNS);
    for (let done = 0; done < runs; done++) {
      bench.say(`debian: ${done + 1} of ${runs}`);
      const boot = one(bench);
      await first.add(async () => (await boot).firstMs);
      await finished.add(async () => (await boot).finishedMs);
      await disk.add(async () => (await boot).bytes / 1e6);
    }
    const limit = Math.min(...finished.values);
    return [
      {
        ...{ name: "debian: first command", unit: "ms", values: first.values, failures: first.failures },
        boundary: "spawn of `create --start` -> exit of `exec -- true` right behind it",
        target: { text: "before systemd has finished, in the fastest boot", limit, is: "at most", of: "max" },
      },
      {
        ...{ name: "debian: systemd finished", unit: "ms", values: finished.values, failures: finished.failures },
        boundary: "spawn of `create --start` -> systemd says that the system is running, none of its units failed",
      },
      {
        ...{ name: "debian: disk of a create", unit: "MB", values: disk.values, failures: disk.failures },
        boundary: "blocks of the machine's directory when it is ready, systemd still starting",
        target: { text: "", limit: DISK_MB, is: "at most", of: "max" },
      },
    ];
  },
};

async function one({ product }: Bench): Promise<{ firstMs: number; finishedMs: number; bytes: number }> {
  const start = performance.now();
  const { id } = await product.create({ image: IMAGE });
  const bytes = await treeBytes(product.machineDirectory(id));
  await product.cli(["exec", id, "true"]);
  const firstMs = performance.now() - start;
  const options = { deadlineMs: SYSTEMD_MS };
  const { stdout } = await product.cli(["exec", id, "sh", "-c", UNTIL_FINISHED], options);
  const finishedMs = performance.now() - start;
  await product.delete(id);
  const state = stdout.toString("utf8").trim();
  if (state !== "running") throw new Error(`systemd says ${state}`);
  return { firstMs, finishedMs, bytes };
}
