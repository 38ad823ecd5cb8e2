/** Ports of machines through the whole daemon: names, published ports, tunnels, the page, and who may connect. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { SocketOwners } from "@banger/platform/process/socket-table";
import { freePort } from "@banger/platform/testing/free-port";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const NOBODY = 65_534;
const owners = new SocketOwners();

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

function serveHttp(bench: DaemonBench, id: VmId, port: number): void {
  const server = createServer((asked, answer) => answer.end(`${asked.url} of ${port}`));
  bench.guests.of(id).verbs.listeners.set(port, (connection) => void server.emit("connection", connection));
}

async function gatewayPort(client: Client): Promise<number> {
  const { ports } = await client.call("port.list", { ref: "web" });
  return Number(new URL(ports.find(({ url }) => url !== null)?.url ?? "").port);
}

async function get(port: number, host: string, path = "/"): Promise<string> {
  const sent = request({ port, host: "127.0.0.1", path, headers: { host } }).end();
  const [response] = await once(sent, "response");
  return await text(response);
}

test("ports tells what really answers, with a link that does, and nothing of a machine that does not run", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  serveHttp(bench, id, 3000);
  bench.guests.of(id).verbs.listeners.set(22, (connection) => connection.write("SSH-2.0-x\r\n"));
  const { ports } = await client.call("port.list", { ref: "web" });
  assert.deepEqual(
    ports.map(({ port, protocol }) => [port, protocol]),
    [
      [22, "tcp"],
      [3000, "http"],
    ],
  );
  const url = new URL(ports[1]?.url ?? "");
  assert.equal(url.hostname, "3000.web.localhost");
  assert.equal(await get(Number(url.port), url.host, "/x"), "/x of 3000");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  assert.deepEqual((await client.call("port.list", { ref: "web" })).ports, []);
  assert.equal(await get(Number(url.port), url.host), "web is stopped.\nIt is started by: banger start web\n");
});

test("hundreds of ports that take a connection and say nothing are tried at the same time, and hide no other", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { listeners } = bench.guests.of(id).verbs;
  const open = new Set<Duplex>();
  let spoken = false;
  for (let port = 1000; port < 1200; port += 1) {
    listeners.set(port, (connection) => {
      connection.once("close", () => open.delete(connection));
      // They speak when all are tried at once; otherwise each would be given all its time.
      if (open.add(connection).size < 200) return;
      spoken = true;
      for (const each of open) each.write("hello\n");
    });
  }
  serveHttp(bench, id, 3000);
  const { ports } = await client.call("port.list", { ref: "web" });
  assert.ok(spoken, "at no time were all of them tried");
  assert.deepEqual(
    Map.groupBy(ports, ({ protocol }) => protocol),
    new Map([
      ["tcp", ports.slice(0, 200)],
      ["http", ports.slice(200)],
    ]),
  );
});

test("published ports are kept with the machine: through a stop, and through the life of a daemon", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const host = await freePort();
  const published = [{ host, guest: 3000 }];
  await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal", published }));
  const { id, network } = await client.call("vm.show", { ref: "web" });
  assert.deepEqual(network.open, [`127.0.0.1:${host} to 3000`]);
  serveHttp(bench, id, 3000);
  assert.equal(await get(host, "anything"), "/ of 3000");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  await assert.rejects(get(host, "anything"), /ECONNREFUSED/);
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  await bench.stop();
  await assert.rejects(get(host, "anything"), /ECONNREFUSED/);
  const next = await bench.start();
  serveHttp(bench, id, 3000);
  assert.equal((await next.call("port.list", { ref: "web" })).published[0]?.listening, true);
  assert.equal(await get(host, "anything"), "/ of 3000");
  await assert.rejects(next.call("port.unpublish", { ref: "web", ports: [{ host, guest: 3001 }] }), {
    code: "PORT_NOT_FOUND",
    message: /^web does not publish its port 3001 as port \d+ of 127\.0\.0\.1$/,
    hint: `It publishes 127.0.0.1:${host}.`,
  });
  await next.call("port.unpublish", { ref: "web", ports: [{ host }] });
  await assert.rejects(get(host, "anything"), /ECONNREFUSED/);
  await assert.rejects(next.call("port.unpublish", { ref: "web", ports: published }), code("PORT_NOT_FOUND"));
});

test("a port that is taken is refused with its owner, and nothing of the request stays", async () => {
  await using bench = await DaemonBench.make();
  bench.ports = { portOwner: () => Promise.resolve({ pid: 7, name: "nginx" }) };
  const client = await bench.start();
  const [host, other] = [await freePort(), await freePort()];
  await bench.create(client, "web");
  await bench.create(client, "db");
  await client.call("port.publish", { ref: "web", ports: [{ host, guest: 80 }] });
  const ports = [
    { host: other, guest: 1 },
    { host, guest: 2 },
  ];
  await assert.rejects(client.call("port.publish", { ref: "db", ports }), /taken by machine web/);
  assert.deepEqual((await client.call("port.list", { ref: "db" })).published, []);
  const server = createTcpServer();
  await once(server.listen(other, "127.0.0.1"), "listening");
  await assert.rejects(
    client.call("port.publish", { ref: "db", ports: ports.slice(0, 1) }),
    /taken by nginx \(process 7\)/,
  );
  const end = await bench.ended(
    client,
    await client.call("vm.create", { name: "new", image: "minimal", published: [{ host, guest: 80 }] }),
  );
  assert.deepEqual([end.error?.code, end.error?.facts?.machine], ["PORT_TAKEN", "web"]);
  assert.equal((await client.call("vm.list", {})).machines.length, 2);
  const nowhere = [{ address: "192.0.2.1", host, guest: 80 }];
  await assert.rejects(client.call("port.publish", { ref: "db", ports: nowhere }), code("PORT_UNUSABLE"));
  server.close();
});

test("a tunnel lasts as long as its client, and carries both ways with an end of each", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  bench.guests.of(id).verbs.listeners.set(7, (connection) => void connection.pipe(connection));
  const host = await freePort();
  const other = await bench.connect();
  const listening = Promise.withResolvers<void>();
  const ports = [{ host, guest: 7 }];
  const tunnel = other.call("port.forward", { ref: "web", ports }, { onProgress: () => listening.resolve() });
  const ended = assert.rejects(tunnel);
  await listening.promise;
  const socket = connect({ port: host, host: "127.0.0.1", allowHalfOpen: true });
  const sent = "x".repeat(1_000_000);
  socket.end(sent);
  assert.equal(await text(socket), sent);
  // What came before the guest was connected is not lost.
  for (let nth = 0; nth < 20; nth += 1) {
    const quick = connect({ port: host, host: "127.0.0.1", allowHalfOpen: true });
    quick.end("at once");
    assert.equal(await text(quick), "at once");
  }
  other.close();
  await ended;
  for (let tries = 0; tries < 1_000; tries += 1) {
    const { published } = await client.call("port.list", { ref: "web" }); // a turn of the daemon's loop
    assert.deepEqual(published, []);
    if (
      await get(host, "x").then(
        () => false,
        (error) => /ECONNREFUSED/.test(String(error)),
      )
    )
      return;
  }
  assert.fail("the tunnel outlived its client");
});

test("the page lists machines and ports, tells of changes, and shows what a guest says as text", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  serveHttp(bench, id, 3000);
  const port = await gatewayPort(client);
  const page = request({ port, host: "127.0.0.1" }).end();
  const [whole] = await once(page, "response");
  const html = await text(whole);
  assert.match(html, /<td>web<\/td><td>running<\/td>/);
  assert.match(html, /looking \.\.\./); // the machine was not asked yet: nobody says that nothing listens
  const nonce = /<script nonce="([^"]+)">/.exec(html)?.[1] ?? "?";
  assert.ok(String(whole.headers["content-security-policy"]).includes(`script-src 'nonce-${nonce}'`));
  const events = request({ port, host: "127.0.0.1", path: "/events" }).end();
  const [stream] = await once(events, "response");
  let said = "";
  const until = async (wanted: RegExp) => {
    while (!wanted.test(said)) said += String((await once(stream, "data"))[0]);
  };
  await until(/3000\.web\.localhost/);
  bench.guests.of(id).event("ports", { port: [{ port: 81, process: "<script>x</script>\x1b" }] });
  await until(/81\.web\.localhost.*&lt;script&gt;x&lt;\/script&gt;\\\\x1b/);
  assert.ok(!said.includes("<script>"));
  await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  await until(/There are no machines/);
  events.destroy();
});

test("a guest that tells of hundreds of changes at once is heard a few times, and its last word counts", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  serveHttp(bench, id, 3000);
  const port = await gatewayPort(client);
  const events = request({ port, host: "127.0.0.1", path: "/events" }).end();
  const [stream] = await once(events, "response");
  let said = "";
  stream.on("data", (chunk: Buffer) => {
    said += String(chunk);
  });
  const until = async (wanted: RegExp) => {
    while (!wanted.test(said)) await once(stream, "data");
  };
  await until(/3000\.web\.localhost/);
  const begun = performance.now();
  for (let change = 0; change < 300; change += 1) {
    const flood = Array.from({ length: 500 }, (_, at) => ({
      port: 1 + ((at + change) % 60_000),
      process: `p${change}`,
    }));
    bench.guests.of(id).event("ports", { port: flood });
  }
  bench.guests.of(id).event("ports", { port: [{ port: 82, process: "last" }] });
  assert.equal((await client.call("vm.list", {})).machines.length, 1, "others are answered meanwhile");
  await until(/82\.web\.localhost[^\n]*last/);
  const told = said.split("data: ").length - 1;
  const most = 3 + (performance.now() - begun) / 200;
  assert.ok(told <= most, `the page was told ${told} times, ${most} at most`);
  assert.ok(said.length < told * 100_000, `${said.length} bytes for ${told} tables`);
  events.destroy();
});

test("the page is for reading, and for its own origin", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  serveHttp(bench, id, 3000);
  const port = await gatewayPort(client);
  for (const [method, path, headers, status] of [
    ["POST", "/", {}, 405],
    ["GET", "/nothing", {}, 404],
    ["GET", "/events", { "sec-fetch-site": "cross-site" }, 403],
    ["GET", "/events", { "sec-fetch-site": "same-site" }, 403],
    ["HEAD", "/", {}, 200],
  ] as const) {
    const [answer] = await once(request({ port, host: "127.0.0.1", method, path, headers }).end(), "response");
    assert.equal(answer.statusCode, status, `${method} ${path}`);
    answer.resume();
  }
});

/** Connects as somebody else and says what came back. */
async function asNobody(port: number): Promise<string> {
  const script = `const s=require("net").connect(${port},"127.0.0.1",()=>s.write("GET / HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n"));
    s.on("data",(d)=>process.stdout.write(d));s.on("error",(e)=>process.stdout.write(e.code));s.on("close",()=>process.exit())`;
  const child = spawn("/usr/bin/setpriv", [`--reuid=${NOBODY}`, "--clear-groups", process.execPath, "-e", script]);
  return await text(child.stdout);
}

test("another user of this host reaches neither names, nor the page, nor a published port", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can connect as another user");
  await using bench = await DaemonBench.make();
  bench.ports = { peerUid: (connection) => owners.peerUid(connection) };
  const client = await bench.start();
  const id = await bench.create(client, "web");
  serveHttp(bench, id, 3000);
  const host = await freePort();
  await client.call("port.publish", { ref: "web", ports: [{ host, guest: 3000 }] });
  const port = await gatewayPort(client);
  assert.match(await asNobody(port), /^(?:ECONNRESET|EPIPE|)$/);
  assert.match(await asNobody(host), /^(?:ECONNRESET|EPIPE|)$/);
  assert.equal(await get(host, "x"), "/ of 3000");
});
