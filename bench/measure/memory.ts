/** What the daemon takes while it looks after ten machines that do nothing. */
import { setTimeout as wait } from "node:timers/promises";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";
const MACHINES = 10;
const MEMORY = "192M";
const SAMPLES = 10;
/** between two looks, `ms`: an idle daemon is one that is left alone */
const EVERY_MS = 1_000;
const LIMIT_MB = 90;

export const memory: Measurement = {
  name: "memory",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const { product } = bench;
    await product.prepare(IMAGE);
    for (let made = 0; made < MACHINES; made++) {
      bench.say(`memory: machine ${made + 1} of ${MACHINES}`);
      await product.create({ image: IMAGE, memory: MEMORY });
    }
    const resident = new Series();
    for (let sample = 0; sample < SAMPLES; sample++) {
      await wait(EVERY_MS, undefined, { signal: bench.signal });
      await resident.add(async () => (await product.status()).residentBytes / 1e6);
    }
    const { machines } = await product.status();
    if (machines.running !== MACHINES) throw new Error(`${machines.running} of ${MACHINES} machines run`);
    await product.clear();
    return [
      {
        ...{ name: "daemon with ten machines", unit: "MB", values: resident.values, failures: resident.failures },
        boundary: `resident memory of the daemon that made ${MACHINES} machines, once a second, nothing under way`,
        target: { text: "", limit: LIMIT_MB, is: "at most", of: "p50" },
      },
    ];
  },
};
