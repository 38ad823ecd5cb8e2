import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { FakeProcesses } from "@banger/platform/process/processes-fake";
import { endByNonce } from "./launcher.ts";

test("a launcher that nobody recorded is ended, and its VMM is waited for", async () => {
  const processes = new FakeProcesses();
  const launcher = processes.start(["launcher", "--nonce", "bng-1"]);
  const vmm = processes.start(["vmm"], { parent: launcher });
  const order: string[] = [];
  const ending = endByNonce({ exec: new FakeExec(), processes, launcher: "launcher" }, "bng-1", {
    signal: AbortSignal.timeout(10_000),
  }).then(() => order.push("ended"));
  await processes.waitForExit(launcher, {});
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  order.push("the VMM is gone");
  processes.exit(vmm.pid);
  await ending;
  assert.deepEqual(order, ["the VMM is gone", "ended"]);
});
