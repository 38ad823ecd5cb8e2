import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { VmId } from "@banger/contract/ids";
import { createFakeLogger } from "@banger/platform/log-fake";
import { SocketOwners } from "@banger/platform/process/socket-table";
import { forward } from "../guest/forward.ts";
import { GuestWithPorts } from "./guest-ports-fake.ts";
import { HttpGateway } from "./http-gateway.ts";
import { LoopbackGate } from "./loopback-gate.ts";

const UID = process.getuid?.() ?? 0;

const IDS = new Map([
  ["web", VmId.parse("web000000000")],
  ["off", VmId.parse("off000000000")],
]);

class Bench implements AsyncDisposable {
  readonly guest = new GuestWithPorts();
  /** connections to the guest, so far */
  opened = 0;
  readonly log = createFakeLogger();
  /** what the kernel says of every peer, instead of the truth */
  peer: (() => Promise<number | undefined>) | undefined;
  readonly gateway: HttpGateway;

  private constructor() {
    const owners = new SocketOwners();
    this.gateway = new HttpGateway({
      gate: new LoopbackGate({ uid: UID, peerUid: (connection) => this.peer?.() ?? owners.peerUid(connection) }),
      log: this.log.logger,
      lingerMs: 10,
      page: (_request, response) => response.end("the page"),
      named: (name) => {
        const id = IDS.get(name);
        if (!id) throw new AppError("VM_NOT_FOUND", `there is no machine "${name}"`);
        return id;
      },
      openPort: async ({ id, port }, signal) => {
        this.opened += 1;
        if (id !== IDS.get("web")) throw new AppError("VM_NOT_RUNNING", "off is stopped");
        return await forward(this.guest.channel, { port }, { signal, deadlineMs: 5_000 });
      },
    });
  }

  static async make(): Promise<Bench> {
    const bench = new Bench();
    await bench.gateway.open(0);
    return bench;
  }

  get port(): number {
    return this.gateway.port ?? 0;
  }

  async ask(host: string, options: Asked = {}): Promise<Answered> {
    const { path = "/", method = "GET", headers = {}, body } = options;
    const sent = request({ port: this.port, host: "127.0.0.1", path, method, headers: { host, ...headers } });
    const answer = once(sent, "response");
    sent.end(body);
    const [response] = await answer;
    sent.on("error", () => undefined); // what is left of a body that nobody wanted
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  }

  /** Bytes as they are, and what comes back until the end. */
  async raw(bytes: string): Promise<string> {
    const socket = connect({ port: this.port, host: "127.0.0.1" });
    socket.end(bytes);
    return await text(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.guest[Symbol.asyncDispose]();
  }
}

type Asked = { path?: string; method?: string; headers?: OutgoingHttpHeaders; body?: string | Buffer };
type Answered = { status: number; headers: IncomingHttpHeaders; body: string };

test("a request goes to the port and machine that its Host names, with what matters of its headers", async () => {
  await using bench = await Bench.make();
  bench.guest.serveHttp(3000, (req, res) => {
    res.setHeader("Set-Cookie", ["a=1", "b=2"]);
    res.setHeader("Connection", "x-secret");
    res.setHeader("X-Secret", "for the next hop only");
    res.end(JSON.stringify([req.method, req.url, req.rawHeaders]));
  });
  const host = `3000.web.localhost:${bench.port}`;
  const headers = { connection: "x-mine", "x-mine": "1", te: "trailers", "X-Kept": ["1", "2"] };
  const answer = await bench.ask(host, { path: "/a?b=%20", headers });
  assert.deepEqual([answer.status, answer.headers["set-cookie"]], [200, ["a=1", "b=2"]]);
  assert.equal(answer.headers["x-secret"], undefined);
  const [method, url, rawHeaders] = JSON.parse(answer.body);
  assert.deepEqual([method, url], ["GET", "/a?b=%20"]);
  assert.deepEqual(rawHeaders, ["host", host, "X-Kept", "1", "X-Kept", "2", "Connection", "keep-alive"]);
});

test("bodies of each framing arrive whole, and a missing one is empty", async () => {
  await using bench = await Bench.make();
  bench.guest.serveHttp(3000, (req, res) => void text(req).then((body) => res.end(`${body.length}`)));
  const host = "3000.web.localhost";
  assert.equal((await bench.ask(host, { method: "POST", body: "x".repeat(70_000) })).body, "70000");
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal((await bench.ask(host, { method: "POST", headers: chunked, body: "12345" })).body, "5");
  assert.equal((await bench.ask(host, { method: "GET", headers: chunked, body: "123" })).body, "3");
  const answer = await bench.raw("POST / HTTP/1.1\r\nHost: 3000.web.localhost\r\nConnection: close\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 200 OK\r\n.*\r\n\r\n0$/s);
  const expects = { expect: "100-continue", "content-length": 4 };
  assert.equal((await bench.ask(host, { method: "PUT", headers: expects, body: "1234" })).body, "4");
});

test("HEAD, 204 and 304 have no body, and a connection serves many requests", async () => {
  await using bench = await Bench.make();
  bench.guest.serveHttp(3000, (req, res) => {
    res.writeHead(Number(req.url?.slice(1)), { "X-Is": "here", ...(req.method === "HEAD" && { "Content-Length": 7 }) });
    res.end();
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (const [method, status] of [
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
    ["GET", 200],
  ] as const) {
    const path = `/${status}`;
    const sent = request({
      agent,
      port: bench.port,
      host: "127.0.0.1",
      path,
      method,
      headers: { host: "3000.web.localhost" },
    });
    const answer = once(sent, "response");
    sent.end();
    const [response] = await answer;
    assert.deepEqual([response.statusCode, response.headers["x-is"], await text(response)], [status, "here", ""]);
    ports.add(sent.socket?.localPort);
  }
  agent.destroy();
  assert.equal(ports.size, 1);
});

test("what can not be had is a page that says so", async () => {
  await using bench = await Bench.make();
  const cases = [
    ["3000.web.localhost", 502, /^Nothing listens on port 3000 of web\.\nIts open ports: banger ports web\n$/],
    ["3000.nope.localhost", 404, /^There is no machine named nope\.\nhttp:\/\/localhost:\d+ lists the machines\.\n$/],
    ["3000.off.localhost", 503, /^off is stopped\.\n.*banger start off\n$/],
    ["web.localhost", 404, /^Which port of web\?\nPut it before the name: http:\/\/3000\.web\.localhost:\d+\/\n$/],
    ["localhost", 200, /^the page$/],
  ] as const;
  for (const [host, status, body] of cases) {
    const answer = await bench.ask(host);
    assert.equal(answer.status, status, host);
    assert.match(answer.body, body);
  }
  const page = await bench.ask("3000.web.localhost", { headers: { accept: "text/html,*/*" } });
  assert.match(page.headers["content-type"] ?? "", /^text\/html/);
  assert.match(String(page.headers["content-security-policy"]), /^default-src 'none';/);
  assert.match(page.body, /<h1>Nothing listens on port 3000 of web\.<\/h1>/);
});

test("a name that is not ours gets nothing, whatever it resolves to", async () => {
  await using bench = await Bench.make();
  bench.guest.serveHttp(3000, (_req, res) => res.end("reached"));
  for (const host of [
    "evil.example",
    "3000.web.localhost.evil.example",
    "3000.web.localhostx",
    "a.3000.web.localhost",
    "192.168.1.1:7080",
  ])
    assert.equal((await bench.ask(host)).status, 421, host);
});

test("a request that two readers could see differently is refused before the guest hears of it", async () => {
  await using bench = await Bench.make();
  let heard = 0;
  bench.guest.listen(3000, () => {
    heard += 1;
  });
  const head = "POST / HTTP/1.1\r\nHost: 3000.web.localhost\r\n";
  for (const request of [
    `${head}Host: other.localhost\r\n\r\n`,
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345`,
    `${head}Content-Length: +5\r\n\r\n12345`,
    `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${head}X: a\nContent-Length: 1\r\n\r\n1`,
    `${head}\0: 1\r\n\r\n`,
    "GET http://3000.web.localhost/ HTTP/1.1\r\nHost: 3000.web.localhost\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "nonsense\r\n\r\n",
  ])
    assert.match(await bench.raw(request), /^HTTP\/1.1 400 /, JSON.stringify(request));
  assert.match(
    await bench.raw("CONNECT 3000.web.localhost:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
    /^HTTP\/1.1 405 Method Not Allowed\r\n/,
  );
  assert.equal(heard, 0);
});

test("an answer that is no HTTP, or breaks off, is never passed for a whole one", async () => {
  await using bench = await Bench.make();
  const answers: Record<number, string> = {
    3001: "SSH-2.0-OpenSSH_9.2\r\n",
    3002: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    3003: `HTTP/1.1 200 OK\r\nX: ${"y".repeat(70_000)}\r\n\r\n`,
    3004: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    3005: "",
  };
  for (const [port, answer] of Object.entries(answers)) {
    bench.guest.listen(Number(port), (connection) => connection.end(answer));
    assert.equal((await bench.ask(`${port}.web.localhost`)).status, 502, port);
  }
  bench.guest.listen(3006, (connection) => connection.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12"));
  await assert.rejects(bench.ask("3006.web.localhost"), /aborted|hang up|reset/i);
});

test("a head that may be read but not written costs that answer, and neither the daemon nor a connection", async () => {
  await using bench = await Bench.make();
  for (const line of ["HTTP/1.1 200 O\x01K", "HTTP/1.1 000 OK"]) {
    const gone = Promise.withResolvers<void>();
    bench.guest.listen(3000, (connection) => {
      connection.once("data", () => connection.write(`${line}\r\nContent-Length: 2\r\n\r\nok`));
      connection.resume().once("close", gone.resolve);
    });
    const answer = await bench.ask("3000.web.localhost");
    assert.deepEqual([answer.status, /not a whole HTTP answer/.test(answer.body)], [502, true], JSON.stringify(line));
    await gone.promise;
  }
});

test("a stream of events comes as it is written, and its end is told to the guest when the reader goes", async () => {
  await using bench = await Bench.make();
  const gone = Promise.withResolvers<void>();
  bench.guest.serveHttp(3000, (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write("data: 1\n\n");
    res.once("close", gone.resolve);
  });
  const sent = request({ port: bench.port, host: "127.0.0.1", headers: { host: "3000.web.localhost" } }).end();
  const [response] = await once(sent, "response");
  const [first] = await once(response, "data");
  assert.equal(String(first), "data: 1\n\n");
  sent.destroy();
  await gone.promise;
});

test("a large body passes both ways, and a slow reader holds its writer back", async () => {
  await using bench = await Bench.make();
  const MIB = 1 << 20;
  const block = randomBytes(MIB);
  const blocks = 48;
  let written = 0;
  bench.guest.serveHttp(3000, (req, res) => {
    const back = Readable.from(
      (async function* () {
        for await (const chunk of req) {
          written += chunk.length;
          yield chunk;
        }
      })(),
    );
    pipeline(back, res).catch(() => undefined);
  });
  const sent = request({
    port: bench.port,
    host: "127.0.0.1",
    method: "POST",
    headers: { host: "3000.web.localhost" },
  });
  const answer = once(sent, "response");
  const sending = pipeline(
    Readable.from(
      (function* () {
        for (let i = 0; i < blocks; i += 1) yield block;
      })(),
    ),
    sent,
  );
  const [response] = await answer;
  await once(response, "readable");
  // Nobody reads yet: what is under way is bounded by buffers, not by the body.
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(written < 24 * MIB, `${written} bytes were taken without a reader`);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of response) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  await sending;
  assert.equal(bytes, blocks * MIB);
  const wanted = createHash("sha256");
  for (let i = 0; i < blocks; i += 1) wanted.update(block);
  assert.equal(hash.digest("hex"), wanted.digest("hex"));
});

test("an answer that comes before the body was read stands, and the connection with it", async () => {
  await using bench = await Bench.make();
  bench.guest.listen(3000, (connection) => {
    connection.once("data", () => connection.end("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"));
  });
  const answer = await bench.ask("3000.web.localhost", { method: "POST", body: Buffer.alloc(4 << 20) });
  assert.deepEqual([answer.status, answer.body, answer.headers.connection], [413, "no", "keep-alive"]);
});

test("a WebSocket of Node's own client works, and a refused one is an ordinary answer", async () => {
  await using bench = await Bench.make();
  const server = bench.guest.serveHttp(3000, (_req, res) => res.writeHead(403).end("no sockets here"));
  const refused = await bench.ask("3000.web.localhost", { headers: upgradeHeaders });
  assert.deepEqual([refused.status, refused.body], [403, "no sockets here"]);
  server.on("upgrade", (req, socket) => {
    const key = createHash("sha1").update(`${req.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key.digest("base64")}\r\n\r\n`,
    );
    socket.on("data", (frame: Buffer) => socket.write(echo(frame)));
    socket.on("error", () => undefined);
  });
  const nobody = await bench.raw(
    `GET / HTTP/1.1\r\nHost: 3001.web.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  assert.match(nobody, /^HTTP\/1.1 502 .*Nothing listens on port 3001 of web\.\n$/s);
  await using name = await localName(bench.port);
  const client = new WebSocket(name.url);
  await once(client, "open");
  client.send("hello there");
  const [message] = await once(client, "message");
  assert.equal(message.data, "hello there");
  client.close();
});

const upgradeHeaders = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "eA==",
};

/** One small masked text frame as an unmasked one. */
function echo(frame: Buffer): Buffer {
  if (((frame[0] ?? 0) & 15) !== 1) return Buffer.from([0x88, 0]);
  const length = (frame[1] ?? 0) & 127;
  const [mask, data] = [frame.subarray(2, 6), frame.subarray(6, 6 + length)];
  return Buffer.concat([Buffer.from([0x81, length]), data.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

/** Not every resolver knows names beneath localhost: a relay gives the client's connection the name that a browser would. */
async function localName(port: number): Promise<AsyncDisposable & { url: string }> {
  const { createServer } = await import("node:net");
  const relay = createServer((socket) => {
    const up = connect({ port, host: "127.0.0.1" });
    socket.once("data", (head) => {
      up.write(String(head).replace(/\r\nhost: [^\r]*/i, "\r\nHost: 3000.web.localhost"));
      socket.pipe(up);
    });
    up.pipe(socket);
    for (const end of [socket, up]) end.on("error", () => undefined);
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
  const bound = relay.address();
  const url = `ws://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}/`;
  return { url, [Symbol.asyncDispose]: async () => void relay.close() };
}

test("a head that takes a connection over passes byte for byte", async () => {
  await using bench = await Bench.make();
  const head = "HTTP/1.1 101 Voil\xe0\r\nX: \xe9\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  bench.guest.listen(3000, (connection) => connection.once("data", () => connection.end(Buffer.from(head, "latin1"))));
  const socket = connect({ port: bench.port, host: "127.0.0.1" });
  socket.end("GET / HTTP/1.1\r\nHost: 3000.web.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  assert.equal((await buffer(socket)).toString("latin1"), head);
});

test("whoever is not the owner, or is not known, is cut off before a byte is read", async () => {
  await using bench = await Bench.make();
  for (const peer of [UID + 1, 65_534, undefined]) {
    bench.peer = () => Promise.resolve(peer);
    await assert.rejects(bench.ask("localhost"), /reset|hang up/i);
  }
  bench.peer = () => Promise.reject(new Error("no table"));
  await assert.rejects(bench.ask("localhost"), /reset|hang up/i);
  bench.peer = () => Promise.resolve(0);
  assert.equal((await bench.ask("localhost")).status, 200);
});

test("a port that is taken is left to its owner, on either address; the next one is used", async (t) => {
  await using first = await Bench.make();
  await using second = await Bench.make();
  await using third = new HttpGateway({
    gate: new LoopbackGate({ uid: UID, peerUid: async () => UID }),
    log: first.log.logger,
    page: (_request, response) => response.end(),
    named: () => VmId.parse("web000000000"),
    openPort: () => Promise.reject(new Error("not asked")),
  });
  await third.open(first.port);
  assert.ok(third.port !== undefined && third.port > first.port && third.port !== second.port);
  const viaV6 = request({ port: third.port, host: "::1", headers: { host: "localhost" } }).end();
  const answer = await once(viaV6, "response").catch(() => undefined);
  if (!answer) return t.skip("this host has no ::1");
  await buffer(answer[0]);
  await third[Symbol.asyncDispose]();
  assert.equal(third.port, undefined);
});

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const REFUSED: Readonly<Record<string, string>> = {
  "a name of somebody else's": "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
  "half a body for a machine that is not there": "POST / HTTP/1.1\r\nHost: 1.x.localhost\r\nContent-Length: 9\r\n\r\nx",
  "a WebSocket of somebody else's": `GET / HTTP/1.1\r\nHost: evil.example\r\n${UPGRADE}`,
  "a WebSocket of a machine that is not there": `GET / HTTP/1.1\r\nHost: 1.x.localhost\r\n${UPGRADE}`,
  "a tunnel": "CONNECT example:1 HTTP/1.1\r\nHost: example:1\r\n\r\n",
  "what is no HTTP": "hello\r\n\r\n",
};

for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`a connection that was refused for ${what} ends both ways, though its owner never closes it`, async () => {
    await using bench = await Bench.make();
    const socket = connect({ port: bench.port, host: "127.0.0.1", allowHalfOpen: true });
    const reset = once(socket, "error");
    socket.write(bytes);
    let answer = "";
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) answer += String(chunk);
    assert.match(answer, /^HTTP\/1.1 4\d\d /);
    // Who still sends is heard for a while, and then told that nobody listens.
    while (!socket.destroyed) {
      socket.write("more");
      await new Promise(setImmediate);
    }
    const [error] = await reset;
    assert.ok(["ECONNRESET", "EPIPE"].includes(error.code), error.code);
  });
}
