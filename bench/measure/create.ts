/** What the host does for a new machine besides running it, and what disk it costs. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { OperationView } from "@banger/contract/daemon/operation";
import { VmView } from "@banger/contract/daemon/vm";
import { treeBytes } from "@banger/platform/fs/tree-bytes";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";
const HOST_MS = 60;
const DISK_MB = 5;

export const create: Measurement = {
  name: "create",
  async measure(bench: Bench): Promise<readonly Row[]> {
    await bench.product.prepare(IMAGE);
    const [host, boot, configure, disk] = [new Series(), new Series(), new Series(), new Series()];
    await one(bench);
    for (let done = 0; done < bench.runs; done++) {
      bench.say(`create: ${done + 1} of ${bench.runs}`);
      const made = one(bench);
      await host.add(async () => (await made).hostMs);
      await boot.add(async () => stageMs(await made, "boot"));
      await configure.add(async () => stageMs(await made, "configure"));
      await disk.add(async () => (await made).bytes / 1e6);
    }
    return [
      {
        ...{ name: "create: host's work", unit: "ms", values: host.values, failures: host.failures },
        boundary:
          "the operation begins in the daemon -> the launcher has made the sockets and forks QEMU (records, disks, " +
          "files checked, launcher started); both by the host's clock, the end in steps of the kernel's tick, 4 ms",
        target: { text: "", limit: HOST_MS, is: "at most", of: "p50" },
      },
      {
        ...{ name: "create: boot stage", unit: "ms", values: boot.values, failures: boot.failures },
        boundary: "the operation's stage: boot files looked up -> the agent said HELLO",
      },
      {
        ...{ name: "create: configure stage", unit: "ms", values: configure.values, failures: configure.failures },
        boundary: "the operation's stage: identity pushed, file systems grown in the guest -> the machine is ready",
      },
      {
        ...{ name: "create: disk", unit: "MB", values: disk.values, failures: disk.failures },
        boundary: "blocks of the machine's directory when it is ready, from a sparse image of 8 GiB",
        target: { text: "", limit: DISK_MB, is: "at most", of: "max" },
      },
    ];
  },
};

type Made = { readonly hostMs: number; readonly bytes: number; readonly view: OperationView };

async function one({ product }: Bench): Promise<Made> {
  await using client = await product.connect();
  const { operation } = await client.call("vm.create", { image: IMAGE, start: true });
  const view = OperationView.parse(await client.call("operation.wait", { operation }));
  if (view.state !== "done") throw new Error(view.error?.message ?? `the create ended as ${view.state}`);
  const { id } = VmView.parse(view.result);
  const directory = product.machineDirectory(id);
  const forked = await stat(join(directory, "agent.sock"));
  const made = {
    hostMs: forked.birthtimeMs - Date.parse(view.startedAt),
    bytes: await treeBytes(directory),
    view,
  };
  await product.delete(id);
  return made;
}

function stageMs({ view }: Made, name: string): number {
  const found = view.stages.find((stage) => stage.name === name)?.durationMs;
  if (typeof found === "number") return found;
  throw new Error(`the operation has no stage ${name}`);
}
