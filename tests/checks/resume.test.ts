/**
 * Commands and the clients that have them, over daemons that die under them: the SDK and the whole daemon, on a host in
 * memory, with connections that are cut wherever they are.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { RETURN_MS } from "@banger/daemon/services/exec/exec-service";
import { systemClock } from "@banger/platform/time/clock";
import { attachTo, type ExecSession, exec } from "@banger/sdk/exec";
import { Cuttable } from "../harness/cuttable.ts";

function sum(bytes: Buffer): string {
  return `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
}

for (const cutAfter of [333_333, 1_500_000]) {
  test(`what goes through a command and back is whole, though its daemon dies every ${cutAfter} bytes`, async () => {
    await using cuttable = await Cuttable.make();
    const sent = randomBytes(cutAfter * 3);
    await using session = await cuttable.exec(["cat"]);
    cuttable.cutAfter = cutAfter;
    session.stdin.end(sent);
    const received = await buffer(session.stdout);
    cuttable.cutAfter = Number.POSITIVE_INFINITY;
    assert.equal(sum(received), sum(sent));
    assert.deepEqual(await session.ended, { status: 0 });
    assert.ok(cuttable.cuts >= 3, `${cuttable.cuts} cuts`);
  });
}

test("a command that ends while there is no daemon tells how it ended, and is forgotten then", async () => {
  await using cuttable = await Cuttable.make();
  await using session = await cuttable.exec(["sh", "-c", "echo one; sleep 9"]);
  assert.equal(String((await once(session.stdout, "data"))[0]), "one\n");
  const [{ id = "" } = {}] = cuttable.commands.list();
  cuttable.kill();
  cuttable.commands.signal(id, 15);
  assert.deepEqual(await session.ended, { signal: 15 });
  while (cuttable.commands.list().length > 0) await cuttable.client();
});

/** Reads until the output is `wanted`. */
async function shows(session: ExecSession, wanted: string): Promise<void> {
  let seen = "";
  for await (const chunk of session.stdout.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.length >= wanted.length) break;
  }
  assert.equal(seen, wanted);
}

const TTY = { tty: { rows: 24, columns: 80 } };

test("a terminal that was left goes on, and is taken up with what it showed, by one at a time, over daemons that die", async () => {
  await using cuttable = await Cuttable.make();
  const { client: reconnect } = cuttable;
  const first = await cuttable.exec(["cat"], TTY);
  first.stdin.write("one\n");
  await shows(first, "one\n");
  first.detach();
  assert.deepEqual(await first.ended, { detached: true });
  await using again = await attachTo(await reconnect(), { ref: "web", stdin: true }, { reconnect });
  assert.deepEqual([again.id, again.argv, again.tty, again.takesInput], [first.id, ["cat"], true, true]);
  await shows(again, "one\n");
  await assert.rejects(
    async () => attachTo(await reconnect(), { ref: "web", stdin: true }),
    (error) => AppError.is(error, "EXEC_ATTACHED") && error.message.includes(first.id),
  );
  await using watcher = await attachTo(await reconnect(), { ref: "web", stdin: false }, { reconnect });
  await shows(watcher, "one\n");
  cuttable.kill();
  again.stdin.write("two\n");
  await shows(again, "two\n");
  await shows(watcher, "two\n");
  again.detach();
  await again.ended;
  await using last = await attachTo(await reconnect(), { ref: "web", exec: first.id.slice(0, 6), stdin: true });
  await shows(last, "one\ntwo\n");
  last.stdin.end("three\n");
  assert.equal(await text(last.stdout), "three\n");
  for (const session of [last, watcher]) assert.deepEqual(await session.ended, { status: 0 });
  await using ended = await attachTo(await reconnect(), { ref: "web", exec: first.id, stdin: true });
  assert.equal(await text(ended.stdout), "one\ntwo\nthree\n");
  assert.deepEqual(await ended.ended, { status: 0 });
});

test("output that nobody saw is there when the terminal is taken up again, the last of it if it was much", async () => {
  await using cuttable = await Cuttable.make();
  const session = await cuttable.exec(["sh", "-c", "cat; seq 200000"], TTY);
  session.detach();
  await session.ended;
  const writer = await attachTo(await cuttable.client(), { ref: "web", stdin: true });
  writer.stdin.end();
  writer.stdout.resume();
  assert.deepEqual(await writer.ended, { status: 0 });
  await using late = await attachTo(await cuttable.client(), { ref: "web", exec: session.id, stdin: false });
  const lines = (await text(late.stdout)).split("\n");
  assert.equal(lines.at(-2), "200000");
  const first = Number(lines[0]);
  assert.ok(first > 180_000 && first < 192_000, `it begins at ${lines[0]}`);
  const expected = Array.from({ length: lines.length - 1 }, (_, index) => String(first + index));
  assert.deepEqual(lines.slice(0, -1), expected);
});

test("a command without input that runs in the background is watched at once, and over a daemon that dies", async () => {
  await using cuttable = await Cuttable.make();
  const { client: reconnect } = cuttable;
  const script = "echo one; sleep 9";
  const { exec: id } = await (await reconnect()).call("exec.detach", { ref: "web", argv: ["sh", "-c", script] });
  await using watcher = await attachTo(await reconnect(), { ref: "web", stdin: true }, { reconnect });
  assert.equal(watcher.takesInput, false);
  await shows(watcher, "one\n");
  cuttable.kill();
  await using second = await attachTo(await reconnect(), { ref: "web", stdin: false }, { reconnect });
  await shows(second, "one\n");
  cuttable.commands.signal(id, 15);
  for (const session of [watcher, second]) assert.deepEqual(await session.ended, { signal: 15 });
});

test("what is left with --rm takes its machine along when it ends", async () => {
  await using cuttable = await Cuttable.make();
  const params = { ref: "web", argv: ["cat"], stdin: true, thenDelete: true, ...TTY };
  const session = await exec(await cuttable.client(), params);
  session.detach();
  await session.ended;
  await using again = await attachTo(await cuttable.client(), { ref: "web", stdin: true });
  again.stdin.end();
  assert.deepEqual(await again.ended, { status: 0 });
  const client = await cuttable.client();
  while ((await client.call("vm.list", {})).machines.length > 0);
});

test("what can not be attached to is told with what can", async () => {
  await using cuttable = await Cuttable.make();
  const attach = async (exec?: string) => {
    await attachTo(await cuttable.client(), { ref: "web", stdin: true, ...(exec !== undefined && { exec }) });
  };
  const client = await cuttable.client();
  await assert.rejects(attach(), /no command runs in the background of web/);
  await assert.rejects(attach("nosuch"), /web has no command "nosuch" in the background/);
  await using attached = await cuttable.exec(["cat"]);
  await assert.rejects(attach(attached.id), /is attached to another client/);
  const ids: string[] = [];
  for (const seconds of ["8", "9"]) {
    ids.push((await client.call("exec.detach", { ref: "web", argv: ["sleep", seconds] })).exec);
  }
  await assert.rejects(attach(), (error) => {
    assert.ok(AppError.is(error, "EXEC_AMBIGUOUS"));
    assert.equal(error.message, `it could be 2 commands of web: ${ids[0]} (sleep 8), ${ids[1]} (sleep 9)`);
    return true;
  });
});

for (const what of ["a client", "a client and its daemon"]) {
  test(`the machine that was to go with its command goes when ${what} is killed`, async () => {
    await using cuttable = await Cuttable.make();
    const hour = Promise.withResolvers<void>();
    const sleep: typeof systemClock.sleep = (ms, waiting) =>
      ms === RETURN_MS ? hour.promise : systemClock.sleep(ms, waiting);
    cuttable.bench.ports = { clock: { ...systemClock, sleep } };
    const params = { ref: "web", argv: ["sleep", "9"], thenDelete: true };
    const session = await exec(await cuttable.client(), params);
    if (what === "a client") await session[Symbol.asyncDispose]();
    else cuttable.kill();
    const client = await cuttable.client();
    if (what !== "a client") assert.equal((await client.call("vm.list", {})).machines.length, 1);
    hour.resolve();
    while ((await client.call("vm.list", {})).machines.length > 0);
    assert.equal(cuttable.bench.host.running.length, 0);
  });
}
