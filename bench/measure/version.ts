/** What every command pays before it does anything, against Node's own start. */
import { join } from "node:path";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const FACTOR = 1.5;
const ADDED_MS = 20;
/** these are short, and vary by as much as they take */
const RUNS_EACH = 4;

export const version: Measurement = {
  name: "version",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const { product, root } = bench;
    const [node, cli, whole] = [new Series(), new Series(), new Series()];
    const launcher = [join(root, "banger"), "--version"];
    await product.time(launcher);
    for (let done = 0; done < bench.runs * RUNS_EACH; done++) {
      await node.add(async () => (await product.time([process.execPath, "-e", "0"])).ms);
      await cli.add(async () => (await product.cli(["--version"])).ms);
      await whole.add(async () => (await product.time(launcher)).ms);
    }
    const limit = node.p50 * FACTOR + ADDED_MS;
    const target = { text: `node -e 0 x ${FACTOR} + ${ADDED_MS} ms`, limit, is: "at most", of: "p50" } as const;
    const boundary = "spawn -> exit";
    return [
      { name: "node -e 0", unit: "ms", boundary, values: node.values, failures: node.failures },
      {
        ...{ name: "start.cjs --version", unit: "ms", values: cli.values, failures: cli.failures },
        boundary: `${boundary}, without the shell launcher`,
      },
      { name: "banger --version", unit: "ms", boundary, values: whole.values, failures: whole.failures, target },
    ];
  },
};
