/** A hundred clients at once: each gets its own answers, and the daemon has nothing of them when they are gone. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const CLIENTS = 100;
const MACHINES = ["web", "db", "cache"];
const WAIT_MS = 20_000;

/** of this process, which is the daemon and all of its clients */
async function descriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}

/** A list, a machine, a failure and a command, each with what only this client can have asked for. */
async function work(bench: DaemonBench, index: number, ids: ReadonlyMap<string, string>): Promise<void> {
  const client = await bench.connect();
  const name = MACHINES[index % MACHINES.length] ?? "";
  const [list, shown, missing] = await Promise.all([
    client.call("vm.list", {}),
    client.call("vm.show", { ref: name }),
    client.call("vm.show", { ref: `nobody-${index}` }).catch((error: unknown) => error),
  ]);
  assert.deepEqual(new Set(list.machines.map((machine) => machine.name)), new Set(MACHINES));
  assert.equal(shown.id, ids.get(name));
  assert.ok(AppError.is(missing, "VM_NOT_FOUND") && missing.facts.ref === `nobody-${index}`);
  const input = `${`from ${index} `.repeat(1_000)}\n`;
  assert.equal(await exec(client, { ref: name, argv: ["cat"], input }), input);
  client.close();
}

async function exec(client: Client, { ref, argv, input }: { ref: string; argv: string[]; input: string }) {
  const { mux } = await client.upgrade("exec.run", { ref, argv, stdin: true });
  mux.stream(execStreams.stdin).end(input);
  mux.stream(execStreams.control).resume();
  mux.stream(execStreams.stderr).resume();
  return await text(mux.stream(execStreams.stdout));
}

/** Goes while its command runs, without a word. */
async function goAway(bench: DaemonBench, index: number): Promise<void> {
  const client = await bench.connect();
  const ref = MACHINES[index % MACHINES.length] ?? "";
  const { mux } = await client.upgrade("exec.run", { ref, argv: ["sleep", "9"] });
  mux.destroy(new AppError("CANCELLED", "gone"));
  client.close();
}

test("a hundred clients that list and execute, some of which go away, leave nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const ids = new Map<string, string>();
  for (const name of MACHINES) ids.set(name, await bench.create(client, name));
  const before = await descriptors();
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      if (index % 5 === 0) await goAway(bench, index);
      else await work(bench, index, ids);
    }),
  );
  const running = () => [...ids.values()].flatMap((id) => bench.guests.of(id).verbs.commands.list()).length;
  const deadline = AbortSignal.timeout(WAIT_MS);
  while (running() > 0 || (await descriptors()) > before) {
    deadline.throwIfAborted();
    await client.call("vm.list", {});
  }
});
