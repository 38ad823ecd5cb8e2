/**
 * What every agent must do, as tests: run against the one in C and against the fake, so that what is true of the fake in
 * the daemon's tests is true of a machine.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Duplex, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { GuestChannel } from "../channel/guest-channel.ts";
import type { Connector } from "../channel/link.ts";
import type { ExecExit, ExecSpec } from "../exec-begin.ts";
import { ExecSession } from "../exec-session.ts";
import { readFile, statFile, tarIn, tarOut, writeFile } from "../files.ts";
import { forward } from "../forward.ts";
import { readStats } from "../stats.ts";
import { upgrade } from "../upgrade.ts";
import { type Life, lossyPipe } from "./lossy-pipe.ts";

export type AgentUnderTest = AsyncDisposable & {
  readonly connect: Connector;
  /** a directory of the guest that is empty and may be written */
  readonly directory: string;
  /** who commands run as */
  readonly user: string;
  /** makes something listen on a TCP port inside, and tells which */
  listen(serve: (connection: Duplex) => void): Promise<number>;
  /** an agent to upgrade to */
  readonly binary: () => Promise<{ bytes: AsyncIterable<Uint8Array>; size: number }>;
};

export type Conformance = {
  readonly name: string;
  /** why there is none to test, if so */
  readonly skip?: string | undefined;
  readonly start: () => Promise<AgentUnderTest>;
};

const DEADLINE = { deadlineMs: 60_000 };
const SMALL = "cat; echo err >&2; exit 7";

function open(connect: Connector): GuestChannel {
  return GuestChannel.open({ connect, session: randomBytes(16), build: "0.0.0+test" });
}

function newId(): string {
  return randomBytes(8).toString("hex");
}

function shell(agent: AgentUnderTest, script: string, more: Partial<ExecSpec> = {}): ExecSpec {
  return { id: newId(), argv: ["sh", "-c", script], user: agent.user, ...more };
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function numbers(count: number): string {
  return Array.from({ length: count }, (_, n) => `${n + 1}\n`).join("");
}

type Outcome = { readonly stdout: Buffer; readonly stderr: string; readonly exit: ExecExit };

async function outcome(session: ExecSession): Promise<Outcome> {
  const [stdout, stderr, exit] = await Promise.all([buffer(session.stdout), text(session.stderr), session.exit]);
  await session.release(DEADLINE);
  return { stdout, stderr, exit };
}

async function run(channel: GuestChannel, spec: ExecSpec, input?: Uint8Array): Promise<Outcome> {
  const session = await ExecSession.start(channel, { ...spec, stdin: input !== undefined }, DEADLINE);
  if (input) session.stdin.end(input);
  return await outcome(session);
}

function isRefusal(name: string) {
  return (error: unknown) => AppError.is(error, "GUEST_REFUSED") && error.facts.errnoName === name;
}

export function guestAgentConformance(suite: Conformance): void {
  const check = (name: string, body: (agent: AgentUnderTest) => Promise<void>) => {
    test(`${suite.name}: ${name}`, { skip: suite.skip ?? false }, async () => {
      await using agent = await suite.start();
      await body(agent);
    });
  };
  commands(check);
  losses(check);
  joins(check);
  ends(check);
  files(check);
  machine(check);
}

type Check = (name: string, body: (agent: AgentUnderTest) => Promise<void>) => void;

function commands(check: Check): void {
  check("says who it is", async (agent) => {
    await using channel = open(agent.connect);
    const facts = await channel.ready(DEADLINE);
    assert.match(facts.boot, /^[0-9a-f]{32}$/);
    assert.ok(facts.capabilities.has("upgrade"));
  });

  check("runs a command: separate outputs, input with its end, status", async (agent) => {
    await using channel = open(agent.connect);
    const { stdout, stderr, exit } = await run(channel, shell(agent, SMALL), Buffer.from("hello\n"));
    assert.deepEqual([stdout.toString(), stderr, exit], ["hello\n", "err\n", { status: 7 }]);
  });

  check("tells a death by signal from a status, and delivers signals", async (agent) => {
    await using channel = open(agent.connect);
    assert.deepEqual((await run(channel, shell(agent, "kill -9 $$"))).exit, { signal: 9 });
    const session = await ExecSession.start(channel, { ...shell(agent, ""), argv: ["sleep", "1000"] }, DEADLINE);
    await session.signal(15, DEADLINE);
    assert.deepEqual((await outcome(session)).exit, { signal: 15 });
  });

  check("passes the environment", async (agent) => {
    await using channel = open(agent.connect);
    const spec = { ...shell(agent, ""), argv: ["printenv", "GREETING"], environment: ["GREETING=a=b c"] };
    assert.equal((await run(channel, spec)).stdout.toString(), "a=b c\n");
  });

  check("a command that is not there is no command", async (agent) => {
    await using channel = open(agent.connect);
    const spec = { ...shell(agent, ""), argv: ["no-such-command"] };
    await assert.rejects(ExecSession.start(channel, spec, DEADLINE), { code: "COMMAND_NOT_FOUND" });
  });

  check("large input and output pass unchanged", async (agent) => {
    await using channel = open(agent.connect);
    const input = randomBytes(3_000_001);
    const { stdout, exit } = await run(channel, { ...shell(agent, ""), argv: ["cat"] }, input);
    assert.deepEqual([digest(stdout), exit], [digest(input), { status: 0 }]);
  });

  check("a client that never reads holds back its own command only", async (agent) => {
    await using channel = open(agent.connect);
    const stuck = await ExecSession.start(channel, shell(agent, "seq 1 500000"), DEADLINE);
    for (let n = 0; n < 3; n++) {
      assert.equal((await run(channel, shell(agent, "seq 1 20000"))).stdout.toString(), numbers(20_000));
    }
    assert.equal(stuck.consumed.stdout, 0);
    assert.equal((await outcome(stuck)).stdout.toString(), numbers(500_000));
  });

  check("many commands at once keep their bytes apart", async (agent) => {
    await using channel = open(agent.connect);
    const all = Array.from({ length: 20 }, (_, n) => run(channel, shell(agent, `seq ${n} 3000; exit ${n}`)));
    for (const [n, { stdout, exit }] of (await Promise.all(all)).entries()) {
      assert.equal(
        stdout.toString(),
        numbers(3_000)
          .slice(n > 0 ? numbers(n - 1).length : 0)
          .replace(/^/, n === 0 ? "0\n" : ""),
      );
      assert.deepEqual(exit, { status: n });
    }
  });
}

/** Runs the small session over a pipe of these lives, and checks that nothing was lost, doubled or reordered. */
async function survive(agent: AgentUnderTest, lives: readonly Life[]): Promise<{ toAgent: number; toHost: number }> {
  const pipe = lossyPipe(agent.connect, (life) => lives[life] ?? {});
  await using channel = open(pipe.connect);
  let exits = 0;
  channel.subscribe({ exited: () => void exits++ });
  const { stdout, stderr, exit } = await run(channel, shell(agent, SMALL), Buffer.from("hello\n"));
  assert.deepEqual(
    [stdout.toString(), stderr, exit, exits],
    ["hello\n", "err\n", { status: 7 }, 1],
    JSON.stringify(lives),
  );
  return pipe.sent;
}

function losses(check: Check): void {
  check("cut and rejoined at every byte to the host, nothing is lost or doubled", async (agent) => {
    const { toHost } = await survive(agent, []);
    for (let at = 1; at < toHost; at++) await survive(agent, [{ toHost: at }, { replay: at % 200 }]);
  });

  check("cut and rejoined at every byte to the agent, nothing is lost or doubled", async (agent) => {
    const { toAgent } = await survive(agent, []);
    for (const at of [1, 1_000, 65_563]) await survive(agent, [{ toAgent: at }]);
    for (let at = 65_564; at < toAgent; at++) await survive(agent, [{ toAgent: at }, { replay: at % 200 }]);
  });

  check("cut again and again at random, a large session keeps every byte", async (agent) => {
    const input = randomBytes(1_500_000);
    const cuts: Life[] = Array.from({ length: 30 }, () => ({
      toAgent: 65_564 + Math.floor(Math.random() * 200_000),
      toHost: 300 + Math.floor(Math.random() * 200_000),
      replay: Math.floor(Math.random() * 5_000),
    }));
    const pipe = lossyPipe(agent.connect, (life) => cuts[life] ?? {});
    await using channel = open(pipe.connect);
    const { stdout, exit } = await run(channel, { ...shell(agent, ""), argv: ["cat"] }, input);
    assert.deepEqual([digest(stdout), exit], [digest(input), { status: 0 }], JSON.stringify(cuts));
    assert.ok(pipe.lives > 5);
  });
}

async function readSome(from: Readable, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(parts);
}

function joins(check: Check): void {
  check("another daemon joins a command and misses nothing", async (agent) => {
    const spec = shell(agent, "seq 1 200000; exit 3");
    const first = open(agent.connect);
    const begun = await ExecSession.start(first, spec, DEADLINE);
    const head = await readSome(begun.stdout, 300_000);
    const { consumed } = begun;
    assert.equal(consumed.stdout, head.length);
    first.destroy(undefined);
    await using second = open(agent.connect);
    const joined = await ExecSession.join(second, spec.id, { ...DEADLINE, consumed });
    assert.ok(joined.joined);
    const { stdout, exit } = await outcome(joined);
    assert.equal(digest(Buffer.concat([head, stdout])), digest(Buffer.from(numbers(200_000))));
    assert.deepEqual(exit, { status: 3 });
  });

  check("a piece that its reader has not dealt with is given again to the next daemon", async (agent) => {
    const spec = shell(agent, "seq 1 3; sleep 1000");
    const first = open(agent.connect);
    const begun = await ExecSession.start(first, spec, DEADLINE);
    const pieces = begun.pieces.stdout()[Symbol.asyncIterator]();
    assert.match(String((await pieces.next()).value), /^1\n/);
    for (let round = 0; round < 3; round++) await readStats(first, DEADLINE);
    assert.equal(begun.consumed.stdout, 0);
    first.destroy(undefined);
    await using second = open(agent.connect);
    const joined = await ExecSession.join(second, spec.id, DEADLINE);
    await joined.signal(15, { ...DEADLINE, scope: "everything" });
    assert.equal((await outcome(joined)).stdout.toString(), "1\n2\n3\n");
  });

  check("pieces arrive whole through windows that are full, and their end is told", async (agent) => {
    await using channel = open(agent.connect);
    const session = await ExecSession.start(channel, shell(agent, "seq 1 300000; exit 6"), DEADLINE);
    const parts: Buffer[] = [];
    for await (const piece of session.pieces.stdout()) parts.push(piece);
    assert.equal(digest(Buffer.concat(parts)), digest(Buffer.from(numbers(300_000))));
    assert.equal(session.consumed.stdout, numbers(300_000).length);
    assert.deepEqual(await session.exit, { status: 6 });
    await session.release(DEADLINE);
  });

  check("a command on a terminal is joined by its id alone, ended and released", async (agent) => {
    const spec = { ...shell(agent, ""), argv: ["sleep", "1000"], tty: { rows: 24, columns: 80 }, stdin: true };
    const first = open(agent.connect);
    await ExecSession.start(first, spec, DEADLINE);
    first.destroy(undefined);
    await using second = open(agent.connect);
    const joined = await ExecSession.join(second, spec.id, DEADLINE);
    for (const stream of [joined.stdout, joined.stderr]) stream.destroy();
    await joined.signal(1, { ...DEADLINE, scope: "everything" });
    assert.deepEqual(await joined.exit, { signal: 1 });
    await joined.release(DEADLINE);
    await assert.rejects(ExecSession.join(second, spec.id, DEADLINE), { code: "EXEC_NOT_FOUND" });
  });

  check("input goes on where the daemon before stopped", async (agent) => {
    const spec = { ...shell(agent, ""), argv: ["cat"], stdin: true };
    const first = open(agent.connect);
    const begun = await ExecSession.start(first, spec, DEADLINE);
    begun.stdin.write("one\n");
    const head = await readSome(begun.stdout, 4);
    const { consumed } = begun;
    first.destroy(undefined);
    await using second = open(agent.connect);
    const joined = await ExecSession.join(second, spec.id, { ...DEADLINE, consumed });
    joined.stdin.end("two\n");
    assert.equal(head.toString() + (await outcome(joined)).stdout.toString(), "one\ntwo\n");
  });
}

function ends(check: Check): void {
  check(
    "a status that nobody took is told to the daemon that joins, and a repeated start never runs it twice",
    async (agent) => {
      const spec = shell(agent, "seq 1 3; exit 5");
      const first = open(agent.connect);
      const begun = await ExecSession.start(first, spec, DEADLINE);
      assert.deepEqual(await begun.exit, { status: 5 });
      first.destroy(undefined);
      await using second = open(agent.connect);
      const again = await ExecSession.start(second, spec, DEADLINE);
      assert.ok(again.joined);
      const { stdout, exit } = await outcome(again);
      assert.deepEqual([stdout.toString(), exit], ["1\n2\n3\n", { status: 5 }]);
      await assert.rejects(ExecSession.join(second, spec.id, DEADLINE), { code: "EXEC_NOT_FOUND" });
    },
  );

  check("a daemon that joins after all was read still sees the outputs end", async (agent) => {
    const spec = shell(agent, "echo all; exit 4");
    const first = open(agent.connect);
    const begun = await ExecSession.start(first, spec, DEADLINE);
    const [stdout] = await Promise.all([text(begun.stdout), text(begun.stderr), begun.exit]);
    assert.equal(stdout, "all\n");
    const { consumed } = begun;
    await readStats(first, DEADLINE);
    first.destroy(undefined);
    await using second = open(agent.connect);
    const joined = await ExecSession.join(second, spec.id, { ...DEADLINE, consumed });
    const rest = await outcome(joined);
    assert.deepEqual([rest.stdout.toString(), rest.exit], ["", { status: 4 }]);
  });

  check("an upgrade in place keeps the running command", async (agent) => {
    await using channel = open(agent.connect);
    const session = await ExecSession.start(channel, { ...shell(agent, ""), argv: ["cat"], stdin: true }, DEADLINE);
    session.stdin.write("before\n");
    assert.equal((await readSome(session.stdout, 7)).toString(), "before\n");
    const { boot } = await channel.ready(DEADLINE);
    assert.equal((await upgrade(channel, await agent.binary(), DEADLINE)).boot, boot);
    session.stdin.end("after\n");
    const { stdout, exit } = await outcome(session);
    assert.deepEqual([stdout.toString(), exit], ["after\n", { status: 0 }]);
  });
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

function files(check: Check): void {
  check("files are written, looked at and read, whole and in part", async (agent) => {
    await using channel = open(agent.connect);
    const content = randomBytes(700_001);
    const path = `${agent.directory}/file`;
    assert.equal(await writeFile(channel, { path, mode: 0o640, source: chunks(content) }, DEADLINE), content.length);
    const { mode, size } = await statFile(channel, path, DEADLINE);
    assert.deepEqual([mode & 0o170777, size], [0o100640, content.length]);
    assert.equal(digest(await buffer(readFile(channel, path, DEADLINE))), digest(content));
    const part = await buffer(readFile(channel, path, { ...DEADLINE, from: 600_000, count: 1_000 }));
    assert.deepEqual(part, content.subarray(600_000, 601_000));
    const again = writeFile(channel, { path, exclusive: true, source: chunks(content) }, DEADLINE);
    await assert.rejects(again, isRefusal("EEXIST"));
  });

  check("what is not there is refused by name", async (agent) => {
    await using channel = open(agent.connect);
    const path = `${agent.directory}/nothing`;
    await assert.rejects(statFile(channel, path, DEADLINE), isRefusal("ENOENT"));
    await assert.rejects(buffer(readFile(channel, path, DEADLINE)), isRefusal("ENOENT"));
    const source = chunks(Buffer.alloc(1_000_000));
    await assert.rejects(writeFile(channel, { path: `${path}/below`, source }, DEADLINE), isRefusal("ENOENT"));
    assert.deepEqual((await run(channel, shell(agent, "exit 0"))).exit, { status: 0 });
  });

  check("a reader that stops early leaves the channel as good as before", async (agent) => {
    await using channel = open(agent.connect);
    const path = `${agent.directory}/large`;
    const content = randomBytes(2_000_000);
    await writeFile(channel, { path, source: chunks(content) }, DEADLINE);
    for await (const chunk of readFile(channel, path, DEADLINE)) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.equal(digest(await buffer(readFile(channel, path, DEADLINE))), digest(content));
  });

  check("trees go out and in", async (agent) => {
    await using channel = open(agent.connect);
    const content = randomBytes(300_000);
    await writeFile(channel, { path: `${agent.directory}/a`, source: chunks(content) }, DEADLINE);
    const archive = tarOut(channel, { directory: agent.directory, members: ["a"] }, DEADLINE);
    const copy = `${agent.directory}/copy`;
    const { entries } = await tarIn(channel, { directory: copy, makeDirectory: true, source: archive }, DEADLINE);
    assert.equal(entries, 1);
    assert.equal(digest(await buffer(readFile(channel, `${copy}/a`, DEADLINE))), digest(content));
  });
}

function machine(check: Check): void {
  check("a forwarded connection carries both halves, each with its own end", async (agent) => {
    await using channel = open(agent.connect);
    const port = await agent.listen((connection) => {
      const parts: Buffer[] = [];
      connection.on("data", (chunk) => parts.push(chunk));
      connection.on("end", () => connection.end(Buffer.concat(parts)));
    });
    const connection = await forward(channel, { port }, DEADLINE);
    const sent = randomBytes(600_000);
    connection.end(sent);
    assert.equal(digest(await buffer(connection)), digest(sent));
  });

  check("a port that nobody listens on is refused", async (agent) => {
    await using channel = open(agent.connect);
    await assert.rejects(forward(channel, { port: 1 }, DEADLINE), isRefusal("ECONNREFUSED"));
  });

  check("tells how it is doing", async (agent) => {
    await using channel = open(agent.connect);
    const stats = await readStats(channel, DEADLINE);
    assert.ok(stats.memoryTotal > stats.memoryAvailable && stats.processes > 0 && stats.disk.length > 0);
  });
}
