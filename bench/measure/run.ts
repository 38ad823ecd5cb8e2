/** `run --rm` against the floor, in turns, so that whatever else the host does meets both. */
import { openFloor } from "../floor/floor.ts";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";
const FACTOR = 1.15;
const ADDED_MS = 150;

export const run: Measurement = {
  name: "run",
  async measure(bench: Bench): Promise<readonly Row[]> {
    await bench.product.prepare(IMAGE);
    await using floor = await openFloor(bench, IMAGE);
    const command = ["run", "--rm", "--quiet", "--image", IMAGE, "--", "true"];
    const [below, ours] = [new Series(), new Series()];
    await bench.product.cli(command);
    for (let done = 0; done < bench.runs; done++) {
      bench.say(`run: ${done + 1} of ${bench.runs}`);
      await below.add(() => floor.run());
      await ours.add(async () => (await bench.product.cli(command)).ms);
    }
    const limit = below.p50 * FACTOR + ADDED_MS;
    const text = `floor x ${FACTOR} + ${ADDED_MS} ms`;
    return [
      {
        ...{ name: "floor", unit: "ms", values: below.values, failures: below.failures },
        boundary: "a C program starts QEMU with the product's own arguments -> its first `true` was answered",
      },
      {
        ...{ name: "run --rm -- true", unit: "ms", values: ours.values, failures: ours.failures },
        boundary: "spawn of the command line, daemon up and image there -> its exit, the machine deleted",
        target: { text, limit, is: "at most", of: "p50" },
      },
    ];
  },
};
