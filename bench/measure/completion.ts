/** What a person who presses TAB waits for, by the launcher that the shell's script calls: with a daemon that knows the names, and without. */
import { join } from "node:path";
import { type Bench, type Measurement, type Row, Series, type Target } from "../measurement.ts";

const IMAGE = "minimal";
const RUNS_EACH = 4;
const target: Target = { text: "", limit: 80, is: "at most", of: "p50" };

export const completion: Measurement = {
  name: "completion",
  async measure({ product, root, runs }: Bench): Promise<readonly Row[]> {
    await product.prepare(IMAGE);
    await product.cli(["create", "--name", "completed", "--image", IMAGE]);
    const ask = [join(root, "banger"), "__complete", "start", ""];
    const [names, alone] = [new Series(), new Series()];
    const time = async (wanted: string) => {
      const { ms, stdout } = await product.time(ask);
      if (!stdout.toString("utf8").startsWith(wanted))
        throw new Error(`the answer was ${JSON.stringify(String(stdout))}`);
      return ms;
    };
    for (let done = 0; done < runs * RUNS_EACH; done++) await names.add(() => time("none\ncompleted\t"));
    await product.delete("completed");
    await product.cli(["daemon", "stop"]);
    for (let done = 0; done < runs * RUNS_EACH; done++) await alone.add(() => time("none\n"));
    await product.cli(["daemon", "start"]);
    const boundary = "spawn -> exit";
    return [
      { name: "names of machines", unit: "ms", boundary, values: names.values, failures: names.failures, target },
      { name: "without a daemon", unit: "ms", boundary, values: alone.values, failures: alone.failures, target },
    ];
  },
};
