/** Any requests at once, in any order, with VMMs that die in between: one machine never has two VMMs, and nothing is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };
const ACTS = ["start", "stop", "restart", "kill", "reset", "pause", "resume", "delete", "wait", "die", "off"] as const;
const BUSY = "busy";
type Act = (typeof ACTS)[number];

/** Begins what the act means; resolves when it has ended, with what was unexpected about it. */
async function act(bench: DaemonBench, client: Client, what: Act): Promise<string | undefined> {
  if (what === "wait") {
    await client.call("vm.list", {});
    return undefined;
  }
  if (what === "die" || what === "off") {
    const exit = what === "off" ? { status: 0, signal: null } : { status: null, signal: "SIGSEGV" };
    for (const machine of bench.host.running) bench.host.end(machine, exit);
    return undefined;
  }
  const more = what === "stop" || what === "restart" || what === "reset" ? { graceMs: 1_000 } : {};
  try {
    const end = await bench.ended(client, await client.call(`vm.${what}`, { ref: "web", ...more }));
    const known = new Set([
      "CANCELLED",
      "VMM_DIED",
      "VM_NOT_FOUND",
      "VMM_START_FAILED",
      "GUEST_SILENT",
      "VM_PAUSED",
      "VM_NOT_RUNNING",
    ]);
    return end.state === "failed" && !known.has(end.error?.code ?? "") ? JSON.stringify(end.error) : undefined;
  } catch (error) {
    if (AppError.is(error, "VM_BUSY")) return BUSY;
    if (AppError.is(error, "VM_NOT_FOUND") || AppError.is(error, "VM_NOT_RUNNING")) return undefined;
    if (AppError.is(error, "VM_PAUSED")) return undefined;
    throw error;
  }
}

async function run(acts: readonly Act[]): Promise<void> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  let most = 0;
  if (bench.life) {
    bench.life.driver.onStep = () => {
      most = Math.max(most, bench.host.running.length);
    };
  }
  const under: Promise<string | undefined>[] = [];
  for (const each of acts) {
    const ended = act(bench, client, each);
    under.push(ended);
    if (each === "wait") await ended;
  }
  const unexpected = (await Promise.all(under)).filter((one) => one !== undefined && one !== BUSY);
  assert.deepEqual(unexpected, []);
  assert.ok(most <= 1, `${most} VMMs at once`);
  // Whatever is left can be started, and deleted without a trace.
  while ((await act(bench, client, "resume")) === BUSY);
  while ((await act(bench, client, "start")) === BUSY); // a guest that went by itself is not quite gone yet
  const { machines } = await client.call("vm.list", {});
  for (const { state } of machines) assert.equal(state, "running");
  assert.equal(bench.host.running.length, machines.length);
  await act(bench, client, "delete");
  assert.deepEqual(await bench.leftovers(), EMPTY);
}

test("any acts on one machine", async () => {
  const acts = fc.array(fc.constantFrom(...ACTS), { minLength: 1, maxLength: 8 });
  await fc.assert(fc.asyncProperty(acts, run), { numRuns: 40 });
});
