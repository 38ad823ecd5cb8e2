/** Logs that are followed over daemons that die or go: the SDK and the whole daemon, on a host in memory. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type LogStream, openLogs } from "@banger/sdk/logs";
import { Cuttable } from "../harness/cuttable.ts";

const INTERRUPT = 15;

async function follow(cuttable: Cuttable, more: { source: "console" | "command"; tail?: number }): Promise<LogStream> {
  const { client: reconnect } = cuttable;
  return await openLogs(await reconnect(), { ref: "web", follow: true, ...more }, { reconnect });
}

/** Resolves when that much of it has come. */
async function read(log: LogStream, bytes: number): Promise<string> {
  let seen = "";
  for await (const chunk of log.bytes.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.length >= bytes) return seen;
  }
  return seen;
}

async function logged(cuttable: Cuttable): Promise<string> {
  await using log = await openLogs(await cuttable.client(), { ref: "web", source: "command" });
  return await text(log.bytes);
}

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join("");
}

test("a console is followed over daemons that die every 50,000 bytes, and over its rotations, and no byte is lost or doubled", async () => {
  await using cuttable = await Cuttable.make();
  const path = join(cuttable.bench.paths.machines, cuttable.id, "console.log");
  writeFileSync(path, lines(0, 10_000));
  cuttable.cutAfter = 50_000;
  await using log = await follow(cuttable, { source: "console", tail: 9_000 });
  const first = lines(1_000, 10_000);
  assert.equal(await read(log, first.length), first);
  renameSync(path, `${path}.1`);
  await appendFile(`${path}.1`, lines(10_000, 10_010));
  writeFileSync(path, lines(10_010, 20_000));
  const second = lines(10_000, 20_000);
  assert.equal(await read(log, second.length), second);
  cuttable.cutAfter = Number.POSITIVE_INFINITY;
  assert.ok(cuttable.cuts >= 4, `${cuttable.cuts} cuts`);
});

test("what commands in the background write is followed over daemons that die: each misses nothing, and the end is that of all", async () => {
  await using cuttable = await Cuttable.make();
  const client = await cuttable.client();
  const detach = (script: string) => client.call("exec.detach", { ref: "web", argv: ["sh", "-c", script] });
  await detach("seq 30000");
  const waiting = [
    await detach("seq 100001 140000; sleep 9; echo one is over"),
    await detach("sleep 9; echo two is over"),
  ];
  const expected = `${numbers(1, 30_000)}${numbers(100_001, 140_000)}`;
  while ((await logged(cuttable)) !== expected); // a daemon that is dead here would go on writing
  cuttable.cutAfter = 40_000;
  await using log = await follow(cuttable, { source: "command" });
  assert.equal(await read(log, expected.length), expected);
  cuttable.cutAfter = Number.POSITIVE_INFINITY;
  assert.ok(cuttable.cuts >= 4, `${cuttable.cuts} cuts`);
  await (await cuttable.client()).call("exec.detach", { ref: "web", argv: ["echo", "begun later"] });
  cuttable.kill();
  for (const { exec } of waiting) cuttable.commands.signal(exec, INTERRUPT);
  assert.equal(await text(log.bytes), "");
  assert.equal(await log.ended, "all");
});

test("a log that is followed goes on with the next daemon after an orderly stop, too", async () => {
  await using cuttable = await Cuttable.make();
  const client = await cuttable.client();
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", "echo one; sleep 9"] });
  await using log = await follow(cuttable, { source: "command" });
  assert.equal(await read(log, 4), "one\n");
  await cuttable.replace();
  assert.ok(cuttable.commands.list().some(({ id, ended }) => id === exec && ended === 0));
  cuttable.commands.signal(exec, INTERRUPT);
  assert.equal(await text(log.bytes), "");
  assert.equal(await log.ended, "all");
});

test("what the commands of a machine that is held will write is still waited for by the next daemon", async () => {
  await using cuttable = await Cuttable.make();
  const client = await cuttable.client();
  const script = "echo one; sleep 9; echo two";
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", script] });
  await using log = await follow(cuttable, { source: "command" });
  assert.equal(await read(log, 4), "one\n");
  await cuttable.bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  cuttable.kill();
  let over = false;
  const rest = text(log.bytes).finally(() => {
    over = true;
  });
  const next = await cuttable.client();
  for (let i = 0; i < 100; i += 1) await next.call("vm.list", {});
  await cuttable.bench.ended(next, await next.call("vm.resume", { ref: "web" }));
  assert.equal(over, false);
  cuttable.commands.signal(exec, INTERRUPT);
  assert.equal(await rest, "");
  assert.equal(await log.ended, "all");
});

test("a machine that was deleted while its log was away is told, and what can not be gone on with fails", async () => {
  await using cuttable = await Cuttable.make();
  const deleted = Promise.withResolvers<void>();
  const reconnect = async () => {
    await deleted.promise;
    return await cuttable.client();
  };
  await using log = await openLogs(await cuttable.client(), { ref: "web", follow: true }, { reconnect });
  await using alone = await openLogs(await cuttable.client(), { ref: "web", follow: true });
  for (const one of [log, alone]) assert.equal(await read(one, 9), "booting\r\n");
  const failed = once(alone.bytes, "error");
  cuttable.kill();
  const [error] = await failed;
  assert.deepEqual([error.code, error.message], ["DAEMON_UNREACHABLE", "the daemon went away while its log was read"]);
  const client = await cuttable.client();
  await cuttable.bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  deleted.resolve();
  assert.equal(await text(log.bytes), "");
  assert.equal(await log.ended, "deleted");
});
