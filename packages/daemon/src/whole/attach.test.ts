/** Commands that go on in the background, and the clients that take them up through the daemon's socket. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import { DaemonBench } from "../testing/daemon-bench.ts";

type Attach = Omit<InputOf<DaemonMethods, "exec.attach">, "ref">;

async function running(): Promise<DaemonBench> {
  const bench = await DaemonBench.make();
  await bench.create(await bench.start(), "web");
  return bench;
}

/** Runs `cat`, leaves it at once, and tells its id. */
async function leave(bench: DaemonBench): Promise<string> {
  const { result, mux } = await (await bench.connect()).upgrade("exec.run", { ref: "web", argv: ["cat"], stdin: true });
  const control = mux.stream(execStreams.control);
  control.write('{"detach":true}\n');
  assert.equal(await text(control), '{"detached":true}\n');
  return result.exec;
}

async function attach(bench: DaemonBench, more: Attach = {}) {
  const { result, mux } = await (await bench.connect()).upgrade("exec.attach", { ref: "web", ...more });
  return { told: result, mux, stdin: mux.stream(execStreams.stdin), stdout: mux.stream(execStreams.stdout) };
}

/** The end that is told when all output was. */
async function endOf(mux: Mux): Promise<unknown> {
  const said = await text(mux.stream(execStreams.control));
  return JSON.parse(said.trim().split("\n").at(-1) ?? "");
}

async function shows(from: AsyncIterable<Buffer>, wanted: string): Promise<void> {
  let seen = "";
  for await (const chunk of from) {
    seen += String(chunk);
    if (seen.length >= wanted.length) break;
  }
  assert.equal(seen, wanted);
}

test("a command that was left is taken up with what it showed, and writes on", async () => {
  await using bench = await running();
  const id = await leave(bench);
  const first = await attach(bench, { stdin: true });
  assert.deepEqual(first.told, {
    ...{ exec: id, machine: first.told.machine, argv: ["cat"], tty: false, stdin: true, background: true },
    from: { stdin: 0, stdout: 0, stderr: 0 },
  });
  first.stdin.write("one\n");
  await shows(first.stdout.iterator({ destroyOnReturn: false }), "one\n");
  first.mux.stream(execStreams.control).write('{"detach":true}\n');
  assert.deepEqual(await endOf(first.mux), { detached: true });
  const second = await attach(bench, { exec: id.slice(0, 6), stdin: true });
  assert.equal(second.told.from.stdin, 4);
  second.stdin.end("two\n");
  assert.equal(await text(second.stdout), "one\ntwo\n");
  assert.deepEqual(await endOf(second.mux), { status: 0 });
});

test("one client at a time writes; others watch, and the next may write when it has gone", async () => {
  await using bench = await running();
  const id = await leave(bench);
  const writer = await attach(bench, { stdin: true });
  const watcher = await attach(bench);
  await assert.rejects(
    attach(bench, { stdin: true }),
    (error) =>
      AppError.is(error, "EXEC_ATTACHED") && error.message === `command ${id} of web is attached to another client`,
  );
  writer.stdin.write("seen by both\n");
  await shows(watcher.stdout.iterator({ destroyOnReturn: false }), "seen by both\n");
  writer.mux.destroy(new AppError("CANCELLED", "gone"));
  let next: Awaited<ReturnType<typeof attach>> | undefined;
  while (!next) {
    next = await attach(bench, { stdin: true }).catch((error: unknown) => {
      if (AppError.is(error, "EXEC_ATTACHED")) return undefined;
      throw error;
    });
  }
  next.stdin.end();
  for (const { mux } of [watcher, next]) assert.deepEqual(await endOf(mux), { status: 0 });
});

test("a client goes on behind what it has, also of a command that has ended", async () => {
  await using bench = await running();
  const client = await bench.connect();
  const { exec } = await client.call("exec.detach", {
    ref: "web",
    argv: ["sh", "-c", "echo one; echo no >&2; exit 3"],
  });
  const resume = { stdout: 2, stderr: 0 };
  for (let time = 0; time < 2; time += 1) {
    const { told, mux, stdout } = await attach(bench, { exec, resume });
    assert.deepEqual(told.from, { stdin: 0, ...resume });
    const [out, err] = await Promise.all([text(stdout), text(mux.stream(execStreams.stderr))]);
    assert.deepEqual([out, err, await endOf(mux)], ["e\n", "no\n", { status: 3 }]);
  }
});

test("how a command ended that nobody followed is told as not known", async () => {
  await using bench = await running();
  const id = await leave(bench);
  const client = await bench.connect();
  await bench.ended(client, await client.call("vm.restart", { ref: "web", graceMs: 1_000 }));
  const { mux, stdout } = await attach(bench, { exec: id });
  assert.equal(await text(stdout), "");
  const end = await endOf(mux);
  assert.match(JSON.stringify(end), /"code":"EXEC_NOT_FOUND","message":"how command \w+ ended is not known: /);
});

test("what can not be taken up is told, with what could be meant", async () => {
  await using bench = await running();
  await assert.rejects(attach(bench), {
    code: "EXEC_NOT_FOUND",
    message: /^no command runs in the background of web$/,
  });
  await assert.rejects(attach(bench, { exec: "nosuch" }), {
    message: /^web has no command "nosuch" in the background$/,
  });
  const ids = [await leave(bench), await leave(bench)];
  await assert.rejects(attach(bench), (error) => {
    assert.ok(AppError.is(error, "EXEC_AMBIGUOUS"));
    return (
      error.message.startsWith("it could be 2 commands of web: ") &&
      ids.every((id) => error.message.includes(`${id} (cat)`))
    );
  });
});
