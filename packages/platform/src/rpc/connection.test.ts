import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, duplexPair } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { nativeOrSkip } from "../testing/native-or-skip.ts";
import { bindMethods } from "./bind.ts";
import { connectClient, greetServer, type RpcClient } from "./client.ts";
import type { Hello } from "./handshake.ts";
import type { Handlers, RpcContext } from "./methods.ts";
import { type RpcServer, type ServerOptions, startServer } from "./server.ts";
import { Session } from "./session.ts";

type Name = { readonly name: string };

function parseName(value: unknown): Name {
  const name: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "name") : undefined;
  if (typeof name === "string") return { name };
  throw Object.assign(new Error("bad"), { issues: [{ path: ["name"], message: "expected a string" }] });
}

const named = { parse: parseName };
const table = {
  echo: { params: named, result: named },
  wait: { params: named, result: named },
  fail: { params: named, result: named },
  crash: { params: named, result: named },
  count: { params: named, result: named },
  raw: { params: named, result: named },
  lie: { params: named, result: named },
  stop: { params: named, result: named, frozen: true },
} as const;

const hello: Hello = { protocol: 1, build: { version: "1.0.0", commit: "abc", builtAt: "2026-01-01T00:00:00Z" } };
const peer = { pid: 1, uid: 0, gid: 0 };

function untilAborted(context: RpcContext): Promise<never> {
  return new Promise((_, reject) => {
    context.signal.addEventListener("abort", () => reject(context.signal.reason), { once: true });
  });
}

type World = { readonly aborted: string[]; readonly waiting: EventTarget; readonly internal: unknown[] };

function makeHandlers(world: World): Handlers<typeof table> {
  return {
    echo: (params) => params,
    wait: async ({ name }, context) => {
      context.signal.addEventListener("abort", () => world.aborted.push(name));
      context.connection.addEventListener("abort", () => world.aborted.push(`connection of ${name}`));
      world.waiting.dispatchEvent(new Event("wait"));
      return await untilAborted(context);
    },
    fail: ({ name }) => {
      throw new AppError("NAME_TAKEN", `${name} is taken`, { facts: { name }, hint: "another" });
    },
    crash: () => {
      throw new TypeError("oops");
    },
    count: (params, context) => {
      for (let i = 0; i < 100; i++) context.progress({ i });
      return params;
    },
    raw: (params, context) => {
      context.upgrade(async (mux) => {
        if (params.name === "break") throw new AppError("VMM_DIED", "it died");
        await pipeline(mux.stream(0), mux.stream(0));
      });
      return params;
    },
    lie: () => JSON.parse("{}"),
    stop: (params) => params,
  };
}

function makeWorld(): World {
  return { aborted: [], waiting: new EventTarget(), internal: [] };
}

async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "rpc-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

type Setup = { server: RpcServer; world: World; dial: () => Promise<RpcClient<typeof table>> };

async function serve(t: TestContext, overrides: Partial<ServerOptions<typeof table>> = {}): Promise<Setup> {
  const world = makeWorld();
  const server = await startServer({
    path: join(await scratch(t), "run", "d.sock"),
    table,
    handlers: makeHandlers(world),
    hello,
    peerOf: () => peer,
    authorize: () => undefined,
    onInternalError: (error) => world.internal.push(error),
    ...overrides,
  });
  const clients: Array<RpcClient<typeof table>> = [];
  const dial = async () => {
    const client = await connectClient(server.path, { table, hello });
    clients.push(client);
    return client;
  };
  t.after(async () => {
    for (const client of clients) client.close();
    await server.destroy();
  });
  return { server, world, dial };
}

function code(expected: string) {
  return (error: unknown) => AppError.is(error) && error.code === expected;
}

test("rpc: a hundred calls at once each get their own answer", async (t) => {
  const { dial } = await serve(t);
  const client = await dial();
  const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
  const answers = await Promise.all(names.map((name) => client.call("echo", { name })));
  assert.deepEqual(
    answers.map((answer) => answer.name),
    names,
  );
});

test("rpc: an AppError arrives with hint and facts; anything else is INTERNAL and is told to us", async (t) => {
  const { dial, world } = await serve(t);
  const client = await dial();
  await assert.rejects(client.call("fail", { name: "demo" }), (error) => {
    assert.ok(AppError.is(error, "NAME_TAKEN"));
    assert.deepEqual([error.message, error.hint, error.facts.name], ["demo is taken", "another", "demo"]);
    return true;
  });
  await assert.rejects(client.call("crash", { name: "x" }), code("INTERNAL"));
  assert.equal(world.internal.length, 1);
});

test("rpc: wrong parameters are named; unknown methods and wrong results are refused", async (t) => {
  const { dial } = await serve(t);
  const client = await dial();
  await assert.rejects(client.call("echo", JSON.parse('{"name":1}')), (error) => {
    assert.ok(AppError.is(error, "USAGE"));
    assert.equal(error.message, "echo: name: expected a string");
    return true;
  });
  await assert.rejects(client.call(JSON.parse('"toString"'), { name: "x" }), code("USAGE"));
  await assert.rejects(client.call("lie", { name: "x" }), code("PROTOCOL_BROKEN"));
});

test("rpc: progress comes before the answer and in order", async (t) => {
  const { dial } = await serve(t);
  const client = await dial();
  const seen: unknown[] = [];
  await client.call("count", { name: "x" }, { onProgress: (params) => seen.push(params) });
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, i) => ({ i })),
  );
});

test("rpc: a cancelled call aborts its handler, waits for its end, and leaves the others alone", async (t) => {
  const { dial, world } = await serve(t);
  const client = await dial();
  const abort = new AbortController();
  const reason = new AppError("CANCELLED", "by the user");
  const called = client.call("wait", { name: "a" }, { signal: abort.signal });
  const other = client.call("wait", { name: "b" }).catch((error: unknown) => error);
  await once(world.waiting, "wait");
  abort.abort(reason);
  await assert.rejects(called, (error) => error === reason);
  assert.deepEqual(world.aborted, ["a"]);
  assert.equal((await client.call("echo", { name: "still" })).name, "still");
  client.close();
  assert.ok(AppError.is(await other, "CANCELLED"));
});

test("rpc: a call past its deadline is cancelled and says what it waited for", async (t) => {
  const { dial } = await serve(t);
  const client = await dial();
  await assert.rejects(client.call("wait", { name: "a" }, { deadlineMs: 20 }), (error) => {
    assert.ok(AppError.is(error, "TIMEOUT"));
    assert.match(error.message, /wait/);
    return true;
  });
});

test("rpc: a client that dies in the middle of a call aborts its handler", async (t) => {
  const { server, world, dial } = await serve(t);
  const client = await dial();
  const called = client.call("wait", { name: "a" });
  await once(world.waiting, "wait");
  client.close();
  await assert.rejects(called, code("CANCELLED"));
  await client.closed;
  await server.close({ graceMs: 5_000 });
  assert.deepEqual(world.aborted, ["a", "connection of a"]);
});

test("rpc: a server that goes away fails the calls under way", async (t) => {
  const { server, world, dial } = await serve(t);
  const client = await dial();
  const called = client.call("wait", { name: "a" });
  await once(world.waiting, "wait");
  await Promise.all([assert.rejects(called, code("DAEMON_UNREACHABLE")), server.destroy()]);
  await assert.rejects(client.call("echo", { name: "x" }), code("DAEMON_UNREACHABLE"));
});

test("rpc: a server that dies before it has read all fails the calls under way in the same way", async (t) => {
  const path = join(await scratch(t), "d.sock");
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.write(`${JSON.stringify({ jsonrpc: "2.0", method: "$/hello", params: hello })}\n`);
    signal.addEventListener("abort", () => socket.destroy());
  }).listen(path);
  t.after(() => server.close());
  await once(server, "listening");
  const death = new AbortController();
  const { signal } = death;
  const client = await connectClient(path, { table, hello });
  const called = client.call("wait", { name: "a" });
  death.abort();
  await assert.rejects(called, code("DAEMON_UNREACHABLE"));
});

test("rpc: close lets the calls under way end, after the grace it does not", async (t) => {
  const { server, world, dial } = await serve(t);
  const client = await dial();
  const idle = await dial();
  const called = client.call("wait", { name: "a" }).catch((error: unknown) => error);
  await once(world.waiting, "wait");
  await Promise.all([server.close({ graceMs: 50 }), server.close({ graceMs: 50 }), idle.closed]);
  assert.ok(AppError.is(await called, "DAEMON_UNREACHABLE"));
  await server.destroy();
  assert.equal(server.connections, 0);
});

test("rpc: an upgraded connection carries bytes both ways and ends in order", async (t) => {
  const { dial } = await serve(t);
  const client = await dial();
  const { result, mux } = await client.upgrade("raw", { name: "x" });
  assert.equal(result.name, "x");
  mux.stream(0).end(Buffer.alloc(2 << 20, 9));
  assert.equal((await buffer(mux.stream(0))).length, 2 << 20);
  await mux.closed;
  await mux.close();
});

test("rpc: what goes wrong after the upgrade is told as an error", async (t) => {
  const { dial } = await serve(t);
  const { mux } = await (await dial()).upgrade("raw", { name: "break" });
  await assert.rejects(text(mux.stream(0)), code("VMM_DIED"));
  await assert.rejects(mux.closed, code("VMM_DIED"));
});

test("rpc: an upgrade needs a connection with nothing else on it", async (t) => {
  const { dial, world } = await serve(t);
  const client = await dial();
  const waiting = client.call("wait", { name: "a" }).catch((error: unknown) => error);
  await once(world.waiting, "wait");
  await assert.rejects(client.upgrade("raw", { name: "x" }), code("INTERNAL"));
  await assert.rejects(client.call("raw", { name: "x" }), code("USAGE"));
  client.close();
  await waiting;
});

test("rpc: another protocol is refused with the peer's build; frozen methods stay callable", async (t) => {
  const { server } = await serve(t);
  const newer = { ...hello, protocol: 2, build: { ...hello.build, version: "2.0.0" } };
  await assert.rejects(connectClient(server.path, { table, hello: newer }), (error) => {
    assert.ok(AppError.is(error, "VERSION_MISMATCH"));
    assert.equal(error.facts.peerVersion, "1.0.0");
    return true;
  });
  await using client = await connectClient(server.path, { table, hello: newer, onMismatch: "accept" });
  assert.deepEqual(client.peer, hello);
  await assert.rejects(client.call("echo", { name: "x" }), code("VERSION_MISMATCH"));
  assert.equal((await client.call("stop", { name: "x" })).name, "x");
});

test("rpc: who is not allowed, or one too many, is refused with the reason", async (t) => {
  const refuse = () => {
    throw new AppError("UNAUTHORIZED", "not you");
  };
  const strict = await serve(t, { authorize: refuse });
  await assert.rejects(strict.dial(), code("UNAUTHORIZED"));
  const small = await serve(t, { maxConnections: 1 });
  const begun = once(small.world.waiting, "wait");
  const first = await small.dial();
  const asked = first.call("wait", { name: "x" }).catch((error: unknown) => error);
  await begun;
  await assert.rejects(small.dial(), code("DAEMON_BUSY"));
  first.close();
  await asked;
});

test("rpc: idle connections are let go for new ones, the longest idle first; one that is in use, or holds something, stays", async (t) => {
  const { server, dial, world } = await serve(t, { maxConnections: 3 });
  const [oldest, used, holding] = [await dial(), await dial(), await dial()];
  const begun = once(world.waiting, "wait");
  const controller = new AbortController();
  const held = holding.call("wait", { name: "held" }, { signal: controller.signal }).catch((error: unknown) => error);
  await begun;
  controller.abort(new Error("not wanted any more")); // but what listens to the connection goes on listening
  await held;
  await used.call("echo", { name: "x" });
  const next = await dial();
  await oldest.closed;
  await assert.rejects(oldest.call("echo", { name: "x" }), code("DAEMON_UNREACHABLE"));
  await next.call("echo", { name: "x" });
  await dial();
  await used.closed;
  assert.equal(server.connections, 3);
  await holding.call("echo", { name: "still there" });
  assert.deepEqual(world.aborted, ["held"]);
});

test("rpc: nobody listening is DAEMON_UNREACHABLE; silence is TIMEOUT", async (t) => {
  const dir = await scratch(t);
  await assert.rejects(connectClient(join(dir, "none"), { table, hello }), code("DAEMON_UNREACHABLE"));
  const [mute, deaf] = duplexPair();
  const signal = AbortSignal.timeout(10);
  await assert.rejects(greetServer(mute, { table, hello, signal }), (error) => error === signal.reason);
  deaf.destroy();
});

test("server: the kernel tells who is connected", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const seen: Array<{ pid: number; uid: number }> = [];
  const { dial } = await serve(t, { peerOf: native.peerCredentials, authorize: (who) => seen.push(who) });
  await dial();
  assert.deepEqual(
    seen.map(({ pid, uid }) => [pid, uid]),
    [[process.pid, process.getuid?.()]],
  );
});

test("server: private by mode, and nothing is left after it", async (t) => {
  const { server } = await serve(t);
  assert.equal((await stat(server.path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(server.path, ".."))).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(join(server.path, "..")), ["d.sock"]);
  await server.destroy();
  await server.destroy();
  assert.deepEqual(await readdir(join(server.path, "..")), []);
});

test("server: a start that fails leaves what was there", async (t) => {
  const { server } = await serve(t);
  const again = { path: server.path, table, hello, handlers: makeHandlers(makeWorld()), peerOf: () => peer };
  const rest = { authorize: () => undefined, onInternalError: () => undefined };
  await assert.rejects(startServer({ ...again, ...rest }), code("STATE_LOCKED"));
  assert.deepEqual(await readdir(join(server.path, "..")), ["d.sock"]);
  const file = join(server.path, "..", "file");
  await writeFile(file, "x");
  await assert.rejects(startServer({ ...again, ...rest, path: file }), code("STATE_UNSAFE"));
  assert.deepEqual(await readdir(join(server.path, "..")), ["d.sock", "file"]);
  await assert.rejects(startServer({ ...again, ...rest, path: `/tmp/${"x".repeat(100)}` }), code("PATH_TOO_LONG"));
});

function session(stream: Duplex, world = makeWorld()): Session {
  const methods = bindMethods(table, makeHandlers(world));
  return new Session(stream, {
    hello,
    peer,
    methods,
    onInternalError: (error) => world.internal.push(error),
    limits: { maxLineBytes: 1000, maxBacklogBytes: 100_000 },
  });
}

test("session: a client that sends one byte at a time is understood", async () => {
  const [wire, far] = duplexPair();
  const { closed } = session(far);
  const slow = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) wire.write(Buffer.of(byte));
      done();
    },
  });
  wire.on("data", (chunk: Buffer) => slow.push(chunk));
  const client = await greetServer(slow, { table, hello });
  assert.equal((await client.call("echo", { name: "bytes" })).name, "bytes");
  wire.end();
  await closed;
});

test("session: lines too long, no hello, garbage and doubled ids end the connection", async () => {
  const greeting = `${JSON.stringify({ jsonrpc: "2.0", method: "$/hello", params: hello })}\n`;
  const wait = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "wait", params: { name: "a" } })}\n`;
  for (const bytes of [
    `${"x".repeat(1001)}`,
    wait,
    "{}\n",
    "\u0000\n",
    `${greeting}nonsense\n`,
    greeting + wait + wait,
  ]) {
    const [wire, far] = duplexPair();
    wire.on("error", () => undefined); // the other end is dropped
    const world = makeWorld();
    const { closed } = session(far, world);
    wire.resume();
    wire.write(bytes);
    await closed;
    if (bytes.startsWith(greeting + wait)) assert.deepEqual(world.aborted, ["a", "connection of a"]);
  }
});

test("session: a client that asks and never reads is cut off before much piles up", async () => {
  const [wire, far] = duplexPair();
  wire.on("error", () => undefined); // the other end is dropped
  const { closed } = session(far);
  wire.write(`${JSON.stringify({ jsonrpc: "2.0", method: "$/hello", params: hello })}\n`);
  let highest = 0;
  for (let id = 0; id < 2_000 && !far.destroyed; id++) {
    wire.write(`${JSON.stringify({ jsonrpc: "2.0", id, method: "count", params: { name: "x" } })}\n`);
    await new Promise(setImmediate);
    highest = Math.max(highest, far.writableLength);
  }
  assert.ok(highest < 120_000, `${highest} bytes`);
  wire.destroy();
  far.destroy();
  await closed;
});

test("session: whatever a client says after its hello, the session ends in order and tells no failure of ours", async () => {
  const id = fc.constantFrom<unknown>(1, 2, "a", null, {}, -1);
  const method = fc.constantFrom("echo", "fail", "count", "wait", "$/cancel", "raw", "__proto__", "constructor", "");
  const params = fc.constantFrom<unknown>({ name: "x" }, { id: 1 }, null, 3, [], {});
  const message = fc.record({ id, method, params, result: fc.jsonValue() }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 12 }), async (messages) => {
      const [wire, far] = duplexPair();
      wire.on("error", () => undefined).resume(); // the other end may be dropped
      const world = makeWorld();
      const { closed } = session(far, world);
      for (const line of [{ jsonrpc: "2.0", method: "$/hello", params: hello }, ...messages]) {
        wire.write(`${JSON.stringify(line)}\n`);
      }
      wire.end();
      await closed;
      assert.deepEqual(world.internal, []);
    }),
    { numRuns: 200 },
  );
});

test("session: too many requests at once are refused, not queued without end", async () => {
  const [wire, far] = duplexPair();
  const { closed } = session(far);
  const client = await greetServer(wire, { table, hello });
  const calls = Array.from({ length: 257 }, () => client.call("wait", { name: "x" }).catch((error: unknown) => error));
  assert.ok(AppError.is(await calls[256], "DAEMON_BUSY"));
  client.close();
  await closed;
});

test("server: strangers with garbage do not disturb the others", async (t) => {
  const { server, dial } = await serve(t);
  const client = await dial();
  const sockets = Array.from({ length: 20 }, () => connect(server.path));
  await Promise.all(
    sockets.map((socket) =>
      once(
        socket
          .on("error", () => undefined)
          .resume()
          .end("\u0000\n{"),
        "close",
      ),
    ),
  );
  assert.equal((await client.call("echo", { name: "x" })).name, "x");
  assert.equal(server.connections, 1);
});
