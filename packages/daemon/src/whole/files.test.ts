/** Files through the daemon's socket: bytes in both directions, refusals at the end, and clients that go away. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

function code(wanted: ErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted) && message.test(error.message);
}

async function withMachine(work: (bench: DaemonBench, client: Client) => Promise<void>): Promise<void> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await work(bench, client);
}

async function put(mux: Mux, content: Buffer): Promise<unknown> {
  const stream = mux.stream(0);
  stream.end(content);
  const answer = await buffer(stream);
  await mux.closed;
  return JSON.parse(answer.toString());
}

test("what was written is read back, larger than every window, and looked at", async () => {
  await withMachine(async (bench, client) => {
    const content = randomBytes(1_500_000);
    const writing = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/tmp/a" });
    assert.deepEqual(await put(writing.mux, content), { entries: 1, bytes: content.length });
    const reading = await (await bench.connect()).upgrade("files.read", { ref: "web", path: "/tmp/a" });
    reading.mux.stream(0).end();
    assert.ok(content.equals(await buffer(reading.mux.stream(0))));
    await reading.mux.closed;
    const { kind, size } = await client.call("files.stat", { ref: "web", path: "/tmp/a" });
    assert.deepEqual([kind, size], ["file", content.length]);
  });
});

test("archives go in and out as they are", async () => {
  await withMachine(async (bench) => {
    const write = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/etc/x" });
    await put(write.mux, Buffer.from("content"));
    const get = await (await bench.connect()).upgrade("files.get", { ref: "web", directory: "/etc", members: ["x"] });
    get.mux.stream(0).end();
    const archive = await buffer(get.mux.stream(0));
    const into = await (await bench.connect()).upgrade("files.put", { ref: "web", directory: "/srv" });
    assert.deepEqual(await put(into.mux, archive), { entries: 1, bytes: archive.length });
    const read = await (await bench.connect()).upgrade("files.read", { ref: "web", path: "/srv/x" });
    read.mux.stream(0).end();
    assert.equal((await buffer(read.mux.stream(0))).toString(), "content");
  });
});

test("a refusal is told with the machine's name, the path and the guest's reason", async () => {
  await withMachine(async (bench, client) => {
    const missing = code(
      "GUEST_FILE_NOT_FOUND",
      /^web:\/no can not be looked at: no such file or directory \(ENOENT\)$/,
    );
    await assert.rejects(client.call("files.stat", { ref: "web", path: "/no" }), missing);
    const get = await (await bench.connect()).upgrade("files.get", { ref: "web", directory: "/etc", members: ["no"] });
    await assert.rejects(buffer(get.mux.stream(0)), code("GUEST_FILE_NOT_FOUND", /^web:\/etc\/no can not be read/));
    const write = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/no/where" });
    const stream = write.mux.stream(0);
    await assert.rejects(
      pipeline(async function* () {
        for (;;) yield randomBytes(10_000);
      }, stream),
      code("GUEST_FILE_NOT_FOUND", /^web:\/no\/where can not be written: /),
    );
    await assert.rejects(client.call("files.stat", { ref: "nobody", path: "/" }), code("VM_NOT_FOUND", /nobody/));
    await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
    const stopped = (await bench.connect()).upgrade("files.read", { ref: "web", path: "/etc/x" });
    await assert.rejects(stopped, code("VM_NOT_RUNNING", /web/));
  });
});

test("a path that is not absolute, or holds a zero byte, is refused before the guest hears of it", async () => {
  await withMachine(async (_bench, client) => {
    for (const path of ["etc/x", "", "/a\0b"]) {
      await assert.rejects(client.call("files.stat", { ref: "web", path }), code("USAGE", /path/));
    }
  });
});

test("a client that goes away in the middle ends the guest's side, and the daemon goes on", async () => {
  await withMachine(async (bench, client) => {
    const id = (await client.call("vm.show", { ref: "web" })).id;
    const content = randomBytes(900_000);
    const write = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/tmp/big" });
    await put(write.mux, content);
    const reading = await (await bench.connect()).upgrade("files.read", { ref: "web", path: "/tmp/big" });
    await once(reading.mux.stream(0), "readable");
    reading.mux.destroy(new AppError("CANCELLED", "gone"));
    const half = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/tmp/half" });
    half.mux.stream(0).write(content.subarray(0, 100_000));
    half.mux.destroy(new AppError("CANCELLED", "gone"));
    await client.call("files.stat", { ref: "web", path: "/tmp/big" });
    const missing = code("GUEST_FILE_NOT_FOUND", /half/);
    await assert.rejects(client.call("files.stat", { ref: "web", path: "/tmp/half" }), missing);
    assert.ok(bench.guests.of(id));
    assert.deepEqual(
      bench.log.filter(({ level }) => level === "error"),
      [],
    );
  });
});
