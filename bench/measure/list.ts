/** What a list of many machines costs. They are made, and never started: a list asks no machine. */
import { performance } from "node:perf_hooks";
import type { BangerClient } from "@banger/sdk/client";
import { createVm, deleteVm } from "@banger/sdk/vm";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";
const MACHINES = 1_000;
const AT_ONCE = 16;
const LIMIT_MS = 10;
const RUNS_EACH = 5;

export const list: Measurement = {
  name: "list",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const { product } = bench;
    await product.prepare(IMAGE);
    const client = await product.connect();
    bench.say(`list: ${MACHINES} machines are made`);
    const refs = await each(
      Array.from({ length: MACHINES }, (_, index) => `list-${index}`),
      async (name) => (await createVm(client, { name, image: IMAGE, start: false })).id,
    );
    const [daemon, command] = [new Series(), new Series()];
    await inDaemon(client);
    for (let done = 0; done < bench.runs * RUNS_EACH; done++) {
      await daemon.add(() => inDaemon(client));
      await command.add(async () => (await product.cli(["list"])).ms);
    }
    bench.say(`list: ${MACHINES} machines are deleted`);
    await each(refs, (ref) => deleteVm(client, ref));
    client.close();
    return [
      {
        ...{ name: `list of ${MACHINES} machines`, unit: "ms", values: daemon.values, failures: daemon.failures },
        boundary: "vm.list is sent on a connection that is there -> the answer is read and checked",
        target: { text: "", limit: LIMIT_MS, is: "at most", of: "p50" },
      },
      {
        ...{ name: "banger list of them", unit: "ms", values: command.values, failures: command.failures },
        boundary: "spawn of the command line -> its exit",
      },
    ];
  },
};

async function inDaemon(client: BangerClient): Promise<number> {
  const start = performance.now();
  const { machines } = await client.call("vm.list", {});
  const ms = performance.now() - start;
  if (machines.length !== MACHINES) throw new Error(`${machines.length} of ${MACHINES} machines were listed`);
  return ms;
}

async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) results.push(await work(item));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
