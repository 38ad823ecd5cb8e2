/** Boots in a row while all processors are kept busy by others: each must become ready, however long it takes. */
import { availableParallelism } from "node:os";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";

export function boots(times: number): Measurement {
  return {
    name: "boots",
    async measure(bench: Bench): Promise<readonly Row[]> {
      const { product } = bench;
      await product.prepare(IMAGE);
      await using _ = keepBusy(bench);
      const ready = new Series();
      for (let done = 0; done < times; done++) {
        bench.say(`boots: ${done + 1} of ${times}, ${ready.failures.length} failed`);
        await ready.add(async () => (await product.cli(["run", "--rm", "--quiet", "--image", IMAGE, "--", "true"])).ms);
      }
      return [
        {
          ...{ name: "boots on a busy host", unit: "ms", values: ready.values, failures: ready.failures },
          boundary: `run --rm -- true, spawn -> exit, ${availableParallelism()} busy loops beside it`,
        },
        {
          ...{
            name: "boots that became ready",
            unit: "boots",
            values: [ready.values.length],
            failures: ready.failures,
          },
          boundary: "exit status 0 of the above",
          target: { text: "all of them", limit: times, is: "at least", of: "max" },
        },
      ];
    },
  };
}

/** One busy loop a processor; they end with their streams' disposal, by id. */
function keepBusy({ exec, signal }: Bench): AsyncDisposable {
  const loops = Array.from({ length: availableParallelism() }, () =>
    exec.stream(["/bin/sh", "-c", "while :; do :; done"], { signal }),
  );
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(loops.map((loop) => loop[Symbol.asyncDispose]()));
    },
  };
}
