/** What a command costs through banger, against what it costs the guest itself in the same minutes. */
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { exec as execIn } from "@banger/sdk/exec";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";
import { buildProgram } from "../native.ts";

const IMAGE = "minimal";
const PROGRAM = "true";
const SPAWN = "/run/spawn";
const DAEMON_MS = 5;
const COMMAND_MS = 60;
const GUEST_RUNS = 3;
const RUNS_EACH = 3;

export const exec: Measurement = {
  name: "exec",
  async measure(bench: Bench): Promise<readonly Row[]> {
    await bench.product.prepare(IMAGE);
    const { id } = await bench.product.create({ image: IMAGE });
    await copyIn(bench, id);
    const [guest, daemon, command] = [new Series(), new Series(), new Series()];
    await inDaemon(bench, id);
    for (let done = 0; done < bench.runs * RUNS_EACH; done++) {
      for (const value of await inGuest(bench, id)) await guest.add(() => Promise.resolve(value));
      await daemon.add(() => inDaemon(bench, id));
      await command.add(async () => (await bench.product.cli(["exec", id, PROGRAM])).ms);
    }
    await checkClock(bench, id);
    await bench.product.delete(id);
    return rows({ guest, daemon, command });
  },
};

function rows({ guest, daemon, command }: Record<"guest" | "daemon" | "command", Series>): readonly Row[] {
  const limit = (added: number) =>
    ({ text: `the guest's own + ${added} ms`, limit: guest.p50 + added, is: "at most", of: "p50" }) as const;
  return [
    {
      ...{ name: "guest's own true", unit: "ms", values: guest.values, failures: guest.failures },
      boundary: "fork, exec and wait of `true` by a static C program, by the guest's clock",
    },
    {
      ...{ name: "exec in the daemon", unit: "ms", values: daemon.values, failures: daemon.failures },
      boundary: "exec.run is sent on a connection that is there -> the command's end is received",
      target: limit(DAEMON_MS),
    },
    {
      ...{ name: "banger exec -- true", unit: "ms", values: command.values, failures: command.failures },
      boundary: "spawn of the command line -> its exit",
      target: limit(COMMAND_MS),
    },
  ];
}

async function copyIn({ product, exec: host, root }: Bench, id: string): Promise<void> {
  const input = await readFile(await buildProgram(host, { root, name: "spawn" }));
  await product.cli(["exec", "-i", id, "sh", "-c", `cat > ${SPAWN} && chmod 755 ${SPAWN}`], { input });
}

/** A guest that was starved can lose the TSC as its clock; what it measured then is in steps, and wrong. */
async function checkClock({ product }: Bench, id: string): Promise<void> {
  const file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  const clock = (await product.cli(["exec", id, "cat", file])).stdout.toString("utf8").trim();
  if (!/jiffies/.test(clock)) return;
  throw new Error(`the guest fell back to the clock ${clock}: what it measured is worth nothing, run this again`);
}

async function inGuest({ product }: Bench, id: string): Promise<readonly number[]> {
  const { stdout } = await product.cli(["exec", id, SPAWN, String(GUEST_RUNS), PROGRAM]);
  return stdout
    .toString("utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line) / 1e6);
}

async function inDaemon({ product }: Bench, id: string): Promise<number> {
  const client = await product.connect();
  const start = performance.now();
  await using session = await execIn(client, { ref: id, argv: [PROGRAM] });
  session.stdout.resume();
  session.stderr.resume();
  const end = await session.ended;
  const ms = performance.now() - start;
  if (!("status" in end) || end.status !== 0) throw new Error(`${PROGRAM} ended with ${JSON.stringify(end)}`);
  return ms;
}
