import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { Qmp } from "./qmp.ts";

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';
const OK = '{"return": {}}\r\n';
const waiting = () => ({ signal: AbortSignal.timeout(10_000) });

type Peer = (socket: Socket, said: AsyncIterator<string>) => Promise<void>;

/** A monitor that behaves as `peer` does, after the greeting and the negotiation unless it does those itself. */
async function withMonitor(
  options: { peer: Peer; bare?: boolean },
  run: (path: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "banger-qmp-"));
  const path = join(directory, "s");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    void converse(socket, options);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await run(path);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  }
}

async function converse(socket: Socket, { peer, bare }: { peer: Peer; bare?: boolean }): Promise<void> {
  const said = lines(socket);
  try {
    if (!bare) {
      socket.write(GREETING);
      await said.next();
      socket.write(OK);
    }
    await peer(socket, said);
  } catch {
    // the client has hung up in the middle of it
  }
}

async function* lines(socket: Socket): AsyncGenerator<string> {
  let pending = "";
  for await (const chunk of socket) {
    const parts = (pending + String(chunk)).split("\n");
    pending = parts.pop() ?? "";
    yield* parts;
  }
}

test("commands are answered in order, and events between them are passed over", async () => {
  const peer: Peer = async (socket, said) => {
    for (let i = 0; i < 2; i += 1) {
      const { value } = await said.next();
      socket.write(`{"event": "RESUME"}\r\n{"return": ${value}}\r\n`);
    }
  };
  await withMonitor({ peer }, async (path) => {
    using qmp = await Qmp.connect(path, waiting());
    const answers = await Promise.all(["query-status", "stop"].map((command) => qmp.execute(command, waiting())));
    assert.deepEqual(answers, [{ execute: "query-status" }, { execute: "stop" }]);
  });
});

test("one byte at a time, through the middle of characters", async () => {
  const peer: Peer = async (socket, said) => {
    await said.next();
    for (const byte of Buffer.from('{"return": {"name": "gr\u00fc\u00df dich \u2014 \u{1f600}"}}\r\n')) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  };
  await withMonitor({ peer }, async (path) => {
    using qmp = await Qmp.connect(path, waiting());
    const answer = await qmp.execute("query-name", waiting());
    assert.deepEqual(answer, { name: "gr\u00fc\u00df dich \u2014 \u{1f600}" });
  });
});

test("a refusal is an error with QEMU's reason, made harmless", async () => {
  const replies = ['{"error": {"desc": "no \\u001b[31mway"}}', '{"error": null}', '{"error": {"desc": 7}}'];
  const peer: Peer = async (socket, said) => {
    for (const reply of replies) {
      await said.next();
      socket.write(`${reply}\r\n`);
    }
  };
  await withMonitor({ peer }, async (path) => {
    using qmp = await Qmp.connect(path, waiting());
    await assert.rejects(qmp.execute("stop", waiting()), { message: "QEMU refused a command: no \\x1b[31mway" });
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(qmp.execute("stop", waiting()), { message: "QEMU refused a command: without a reason" });
    }
  });
});

const nonsense: Readonly<Record<string, string>> = {
  "what is not JSON": "hello\r\n",
  "a number": "7\r\n",
  null: "null\r\n",
  "an endless line": "x".repeat(300 * 1024),
};

for (const [what, text] of Object.entries(nonsense)) {
  test(`${what} ends the connection, and what comes next is refused at once`, async () => {
    const peer: Peer = async (socket, said) => {
      await said.next();
      socket.write(text);
    };
    await withMonitor({ peer }, async (path) => {
      using qmp = await Qmp.connect(path, waiting());
      await assert.rejects(qmp.execute("stop", waiting()), (error) => AppError.is(error, "VMM_DIED"));
      await assert.rejects(qmp.execute("cont", waiting()), (error) => AppError.is(error, "VMM_DIED"));
    });
  });
}

test("answers that nobody asked for, and a list for an answer, change nothing", async () => {
  const peer: Peer = async (socket, said) => {
    socket.write(OK.repeat(3));
    await said.next();
    socket.write('[]\r\n{"timestamp": 1}\r\n{"return": 1}\r\n');
  };
  await withMonitor({ peer }, async (path) => {
    using qmp = await Qmp.connect(path, waiting());
    assert.equal(await qmp.execute("stop", waiting()), 1);
  });
});

for (const [when, bare] of [
  ["before its greeting", true],
  ["before its answer", false],
] as const) {
  test(`a monitor that hangs up ${when} is a VMM that died`, async () => {
    const peer: Peer = async (socket, said) => {
      if (!bare) await said.next();
      socket.end();
    };
    await withMonitor({ peer, bare }, async (path) => {
      const asked = (async () => {
        using qmp = await Qmp.connect(path, waiting());
        await qmp.execute("stop", waiting());
      })();
      await assert.rejects(asked, (error) => AppError.is(error, "VMM_DIED"));
    });
  });
}

test("who waits can go away, before the greeting and after it", async () => {
  for (const bare of [true, false]) {
    await withMonitor({ peer: () => Promise.resolve(), bare }, async (path) => {
      const leaving = new AbortController();
      const asked = (async () => {
        using qmp = await Qmp.connect(path, leaving);
        await qmp.execute("stop", leaving);
      })();
      setImmediate(() => leaving.abort(new AppError("CANCELLED", "gone")));
      await assert.rejects(
        asked,
        (error) => AppError.is(error) || (error instanceof Error && error.name === "AbortError"),
      );
    });
  }
});

test("a socket that is not there is an error, not a wait", async () => {
  await assert.rejects(Qmp.connect("/nonexistent/qmp.sock", waiting()), /ENOENT/);
});
