/**
 * Hundreds of megabytes each way: nothing that flows through the daemon is gathered in it. Its parts are joined here with an agent in C that is
 * no machine's, and everything but that runs in this process, so that what it keeps is all of theirs.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { contentStream } from "@banger/contract/daemon/files";
import { VmId } from "@banger/contract/ids";
import { createFakeLogger } from "@banger/platform/log-fake";
import { Mux } from "@banger/platform/rpc/mux";
import { bridge } from "../services/exec/bridge.ts";
import { GuestChannel } from "../services/guest/channel/guest-channel.ts";
import { ExecSession } from "../services/guest/exec-session.ts";
import { readFile } from "../services/guest/files.ts";
import { forward } from "../services/guest/forward.ts";
import { HttpGateway } from "../services/ports/http-gateway.ts";
import { LoopbackGate } from "../services/ports/loopback-gate.ts";
import { agentMissing, startAgent } from "../testing/agent-in-c.ts";

/** of each kind; a gigabyte takes the bench, which has the time */
const BYTES = 3e8;
/** what is made once is made by then */
const SETTLED_BYTES = 5e7;
/** windows and buffers under way, with both ends in this process, too */
const LIMIT_BYTES = 32e6;
const SAMPLE_BYTES = 16e6;
const PIECE = Buffer.alloc(65_536, "x");

const skip = agentMissing() ?? false;

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** What is kept. Pieces that nobody has any more may stay up to V8's own limit, which is 64 MiB, and are no matter of ours. */
function keptBytes(): number {
  collect();
  collect(); // what the first one found is freed by then, which a thread does
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Takes everything and keeps the most that this process had kept meanwhile. */
class Drain {
  bytes = 0;
  peak = 0;
  #next = 0;

  async take(from: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of from) {
      this.bytes += piece.length;
      if (this.bytes < this.#next) continue;
      this.#next += SAMPLE_BYTES;
      this.peak = Math.max(this.peak, keptBytes());
    }
  }
}

async function* pieces(bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; left -= PIECE.length) yield left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
}

type Pass = (bytes: number, drain: Drain) => Promise<void>;

async function staysSmall(pass: Pass): Promise<void> {
  const settled = new Drain();
  await pass(SETTLED_BYTES, settled);
  const drain = new Drain();
  await pass(BYTES, drain);
  assert.deepEqual([settled.bytes, drain.bytes], [SETTLED_BYTES, BYTES]);
  const grown = drain.peak - settled.peak;
  assert.ok(grown <= LIMIT_BYTES, `it grew by ${Math.round(grown / 1e6)} MB`);
}

async function withAgent(work: (guest: GuestChannel, agent: Awaited<ReturnType<typeof startAgent>>) => Promise<void>) {
  await using agent = await startAgent();
  await using guest = GuestChannel.open({ connect: agent.connect, session: randomBytes(16), build: "0.0.0+test" });
  await work(guest, agent);
}

/** Both ends of a client's connection, over a socket as it really is. */
async function connection(work: (daemon: Mux, client: Mux) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "banger-flow-"));
  const path = join(directory, "s");
  const server = createServer();
  try {
    const accepted = once(server, "connection");
    await once(server.listen(path), "listening");
    const client = new Mux(connect({ path }));
    const [socket]: Socket[] = await accepted;
    if (!socket) throw new Error("nobody connected");
    await work(new Mux(socket), client);
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
}

test("an answer and a request pass the HTTP gateway, and none of them stays", { skip }, async () => {
  await withAgent(async (guest, agent) => {
    const server = createHttpServer((asked, answer) => {
      if (asked.method === "GET") Readable.from(pieces(Number(asked.url?.slice(1)))).pipe(answer);
      else
        void received
          .shift()
          ?.take(asked)
          .then(() => answer.end());
    });
    const received: Drain[] = [];
    const port = await agent.listen((socket) => void server.emit("connection", socket));
    await using gateway = new HttpGateway({
      gate: new LoopbackGate({ uid: 0, peerUid: () => Promise.resolve(0) }),
      log: createFakeLogger().logger,
      page: (_asked, answer) => void answer.end(),
      named: () => VmId.parse("web000000000"),
      openPort: (to, signal) => forward(guest, { port: to.port }, { signal }),
    });
    await gateway.open(0);
    const ask = async (method: string, path: string, body: AsyncIterable<Buffer>) => {
      const headers = { host: `${port}.web.localhost` };
      const sent = request({ host: "127.0.0.1", port: gateway.port, method, path, headers });
      const [[response]] = await Promise.all([once(sent, "response"), pipeline(body, sent)]);
      return response;
    };
    await staysSmall(async (bytes, drain) => drain.take(await ask("GET", `/${bytes}`, pieces(0))));
    await staysSmall(async (bytes, drain) => {
      received.push(drain);
      (await ask("POST", "/", pieces(bytes))).resume();
    });
  });
});

test("a file of the guest passes to a client, and none of it stays", { skip }, async () => {
  await withAgent(async (guest, agent) => {
    const path = join(agent.directory, "sparse");
    await writeFile(path, "");
    await staysSmall(async (bytes, drain) => {
      await truncate(path, bytes);
      await connection(async (daemon, client) => {
        const taken = drain.take(client.stream(contentStream));
        await pipeline(readFile(guest, path, {}), daemon.stream(contentStream));
        await daemon.close();
        await taken;
      });
    });
  });
});

test("what a command writes passes to a client, and none of it stays", { skip }, async () => {
  await withAgent(async (guest, { user }) => {
    await staysSmall(async (bytes, drain) => {
      const argv = ["head", "-c", String(bytes), "/dev/zero"];
      const session = await ExecSession.start(guest, { id: `head${bytes}`, argv, user }, {});
      await connection(async (daemon, client) => {
        const leaving = new AbortController().signal;
        const whyCut = (seen: unknown) => Promise.resolve(seen);
        const served = bridge(session, daemon, { tty: false, leaving, whyCut, keep: () => Promise.resolve() });
        for (const other of [execStreams.control, execStreams.stderr]) client.stream(other).resume();
        await drain.take(client.stream(execStreams.stdout));
        await client.closed;
        await client.close();
        assert.equal(await served, "ended");
      });
    });
  });
});
