/** What is kept of connections to guests, with a guest whose servers do what servers should not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { VmId } from "@banger/contract/ids";
import { createFakeLogger } from "@banger/platform/log-fake";
import { forward } from "../guest/forward.ts";
import { GuestWithPorts } from "./guest-ports-fake.ts";
import { HttpGateway } from "./http-gateway.ts";
import { LoopbackGate } from "./loopback-gate.ts";

const UID = process.getuid?.() ?? 0;

class Bench implements AsyncDisposable {
  readonly guest = new GuestWithPorts();
  /** connections to the guest, with the machine of each */
  readonly opened: { readonly id: VmId; readonly connection: Duplex }[] = [];
  machine = VmId.parse("web000000000");
  readonly gateway = new HttpGateway({
    gate: new LoopbackGate({ uid: UID, peerUid: async () => UID }),
    log: createFakeLogger().logger,
    page: (_request, response) => response.end(),
    named: () => this.machine,
    openPort: async ({ id, port }, signal) => {
      const connection = await forward(this.guest.channel, { port }, { signal, deadlineMs: 5_000 });
      this.opened.push({ id, connection });
      return connection;
    },
  });

  static async make(): Promise<Bench> {
    const bench = new Bench();
    await bench.gateway.open(0);
    return bench;
  }

  async ask(method = "GET", options: { body?: string; agent?: Agent } = {}): Promise<string> {
    const headers = { host: "3000.web.localhost" };
    const { body, agent = false } = options;
    const sent = request({ port: this.gateway.port, host: "127.0.0.1", method, headers, agent });
    const answer = once(sent, "response");
    sent.end(body);
    const [response] = await answer;
    return await text(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.guest[Symbol.asyncDispose]();
  }
}

/** Answers each request of a connection with the numbers of both. */
function counting(bench: Bench, options: { behind?: (connection: Duplex, requests: number) => void } = {}): void {
  let connections = 0;
  bench.guest.listen(3000, (connection) => {
    connections += 1;
    const number = connections;
    let requests = 0;
    connection.on("data", () => {
      requests += 1;
      const body = `${number}.${requests}`;
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      options.behind?.(connection, requests);
    });
    connection.on("error", () => undefined);
  });
}

test("requests that change nothing go over one connection, whoever asks; others get one of their own", async () => {
  await using bench = await Bench.make();
  counting(bench);
  const answers = [await bench.ask(), await bench.ask("OPTIONS"), await bench.ask()];
  assert.deepEqual(answers, ["1.1", "1.2", "1.3"]);
  assert.deepEqual([await bench.ask("POST", { body: "x" }), await bench.ask("DELETE")], ["2.1", "3.1"]);
  assert.equal(await bench.ask(), "1.4");
});

test("a server that closes after its answer is asked on another connection", async () => {
  await using bench = await Bench.make();
  counting(bench, { behind: (connection) => connection.end() });
  assert.deepEqual([await bench.ask(), await bench.ask()], ["1.1", "2.1"]);
});

test("a kept connection that ends when the next request comes costs nothing but another one", async () => {
  await using bench = await Bench.make();
  let connections = 0;
  bench.guest.listen(3000, (connection) => {
    connections += 1;
    const number = connections;
    connection.once("data", () => {
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`);
      connection.once("data", () => connection.destroy());
    });
    connection.on("error", () => undefined);
  });
  assert.deepEqual([await bench.ask(), await bench.ask(), await bench.ask()], ["1", "2", "3"]);
});

test("what a guest says unasked answers nobody", async () => {
  await using bench = await Bench.make();
  counting(bench, { behind: (connection) => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong") });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers = [await bench.ask("GET", { agent }), await bench.ask("GET", { agent })];
  agent.destroy();
  assert.deepEqual(answers, ["1.1", "2.1"]);
});

test("an answer that is not whole, or has no end of its own, is the last of its connection", async () => {
  await using bench = await Bench.make();
  let connections = 0;
  bench.guest.listen(3000, (connection) => {
    connections += 1;
    const number = connections;
    connection.once("data", () => connection.end(`HTTP/1.1 200 OK\r\n\r\n${number}`));
  });
  assert.deepEqual([await bench.ask(), await bench.ask()], ["1", "2"]);
});

test("a reader who goes ends the connection that was answering, and no other", async () => {
  await using bench = await Bench.make();
  const server = bench.guest.serveHttp(3000, (req, res) => {
    if (req.method === "OPTIONS") res.write("the beginning");
    else res.end("whole");
  });
  const sent = request({
    ...{ port: bench.gateway.port, host: "127.0.0.1", method: "OPTIONS", agent: false },
    headers: { host: "3000.web.localhost" },
  });
  sent.end();
  await once(sent, "response");
  assert.equal(await bench.ask(), "whole");
  const [answering, other] = bench.opened.map(({ connection }) => connection);
  assert.ok(answering && other);
  const ended = once(answering, "close");
  sent.destroy();
  await ended;
  assert.equal(await bench.ask(), "whole");
  assert.deepEqual([other.destroyed, bench.opened.length], [false, 2]);
  server.closeAllConnections();
});

test("a name that has become another machine's goes there", async () => {
  await using bench = await Bench.make();
  counting(bench);
  assert.equal(await bench.ask(), "1.1");
  bench.machine = VmId.parse("other0000000");
  assert.equal(await bench.ask(), "2.1");
  assert.deepEqual(
    bench.opened.map(({ id }) => String(id)),
    ["web000000000", "other0000000"],
  );
});

test("what is kept ends with the guest's channel, and with the gateway", async () => {
  await using bench = await Bench.make();
  counting(bench);
  await bench.ask();
  const [first] = bench.opened;
  await bench.gateway[Symbol.asyncDispose]();
  assert.equal(first?.connection.destroyed, true);
  await using other = await Bench.make();
  counting(other);
  await other.ask();
  other.guest.channel.destroy(undefined);
  assert.equal(other.opened[0]?.connection.destroyed, true);
  assert.match(await other.ask(), /does not answer|not a whole HTTP answer/);
});
