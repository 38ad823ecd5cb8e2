import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { connectDaemon } from "./client.ts";
import { DaemonFake } from "./testing/daemon-fake.ts";
import { waitVm } from "./wait.ts";

const build = { version: "0.0.0", commit: "test", builtAt: "2026-01-01T00:00:00.000Z" };

test("waiting goes on with the next daemon, and its time with it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-wait-"));
  const socket = join(directory, "d.sock");
  let daemon = await DaemonFake.start({ socket, build });
  daemon.addMachine("web");
  const client = await connectDaemon({ socket, build });
  let clock = 0;
  const reach = async () => {
    daemon = await DaemonFake.start({ socket, build });
    daemon.addMachine("web", { state: "stopped" });
    return await connectDaemon({ socket, build });
  };
  const waiting = waitVm(client, { ref: "web", timeoutMs: 1_000 }, { reach, monotonic: () => clock });
  while (daemon.callsOf("vm.wait").length === 0) await client.call("vm.list", {});
  clock = 400;
  await daemon[Symbol.asyncDispose]();
  assert.equal((await waiting).machine?.state, "stopped");
  assert.deepEqual(daemon.callsOf("vm.wait"), [{ ref: "web", timeoutMs: 600 }]);
  const last = await connectDaemon({ socket, build });
  daemon.addMachine("runs");
  const alone = assert.rejects(waitVm(last, { ref: "runs" }), (error) => AppError.is(error, "DAEMON_UNREACHABLE"));
  while (daemon.callsOf("vm.wait").length === 1) await last.call("vm.list", {});
  await daemon[Symbol.asyncDispose]();
  await alone;
  await rm(directory, { recursive: true });
});
