/** The daemon itself: how it starts, who may talk to it, when it goes, and what of it stays. */
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { DaemonHolder } from "@banger/contract/daemon/holder";
import { daemonMethods } from "@banger/contract/daemon/methods";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { lockFile } from "@banger/platform/fs/file-lock";
import { connectClient } from "@banger/platform/rpc/client";
import { freePort } from "@banger/platform/testing/free-port";
import { DaemonBench } from "../testing/daemon-bench.ts";
import { IMAGE_ID, KERNEL_ID } from "../testing/stores-fake.ts";

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

async function isListening(path: string): Promise<boolean> {
  const socket = createConnection({ path });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

const obstacles: Readonly<Record<string, { wanted: ErrorCode; put: (bench: DaemonBench) => Promise<unknown> }>> = {
  "a state directory that others may enter": {
    wanted: "STATE_UNSAFE",
    put: ({ config }) => chmod(config.state, 0o755),
  },
  "a runtime directory that is a link": {
    wanted: "STATE_UNSAFE",
    put: ({ config }) => symlink("/tmp", config.runtime),
  },
  "a file where machines go": { wanted: "STATE_UNSAFE", put: ({ paths }) => writeFile(paths.machines, "") },
  "a file where proofs go": { wanted: "STATE_UNSAFE", put: ({ paths }) => writeFile(paths.proofs, "") },
  "something else under the socket's name": {
    wanted: "STATE_UNSAFE",
    put: async ({ config, paths }) => {
      await mkdir(config.runtime, { mode: 0o700 });
      await writeFile(paths.socket, "");
    },
  },
};

for (const [what, { wanted, put }] of Object.entries(obstacles)) {
  test(`a start that fails at ${what} leaves no socket, no lock and no process`, async () => {
    await using bench = await DaemonBench.make();
    await put(bench);
    const before = bench.host.processes.alive.length;
    await assert.rejects(bench.start(), code(wanted));
    assert.equal(bench.host.processes.alive.length, before + 1, "only the process that failed itself");
    assert.equal(await isListening(bench.paths.socket), false);
    const left = (await readdir(bench.config.runtime).catch(() => [])).filter((name) =>
      name.startsWith("bangerd.sock."),
    );
    assert.deepEqual(left, []);
    await using lock = await lockFile(bench.paths.lock, { native: bench.native });
    assert.equal(lock.path, bench.paths.lock);
  });
}

test("of two daemons on one state directory the second is told that it is locked", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const { life } = bench;
  await assert.rejects(bench.start(), code("STATE_LOCKED"));
  bench.life = life;
  assert.equal((await client.call("daemon.status", {})).machines.total, 0);
});

test("while it can be asked its state tells where, and no longer", async () => {
  await using bench = await DaemonBench.make();
  const { holder, socket } = bench.paths;
  await writeFile(holder, JSON.stringify({ pid: 1, socket: "/left/by/a/dead/one" }));
  const { pid } = await (await bench.start()).call("daemon.status", {});
  assert.deepEqual(DaemonHolder.parse(JSON.parse(await readFile(holder, "utf8"))), { pid, socket });
  await bench.stop();
  await assert.rejects(readFile(holder), { code: "ENOENT" });
});

test("closing twice is fine, the socket goes, machines stay", async () => {
  await using bench = await DaemonBench.make();
  await bench.create(await bench.start(), "web");
  const daemon = bench.life?.daemon;
  await bench.stop();
  await daemon?.[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(bench.config.runtime), []);
  assert.equal(bench.host.running.length, 1);
});

test("another user is refused, and told whose daemon it is", async () => {
  await using bench = await DaemonBench.make();
  bench.ports = { native: { ...bench.native, peerCredentials: () => ({ pid: 1, uid: 4242, gid: 4242 }) }, uid: 77 };
  await assert.rejects(
    bench.start(),
    (error) => AppError.is(error, "UNAUTHORIZED") && /belongs to uid 77, not to 4242/.test(error.message),
  );
});

test("a client of another protocol can ask who is there, and have it go; and nothing else", async () => {
  await using bench = await DaemonBench.make();
  await bench.start();
  const hello = { protocol: 999, build: { version: "9", commit: "", builtAt: "" } };
  await assert.rejects(connectClient(bench.paths.socket, { table: daemonMethods, hello }), code("VERSION_MISMATCH"));
  await using old = await connectClient(bench.paths.socket, { table: daemonMethods, hello, onMismatch: "accept" });
  assert.equal((await old.call("daemon.status", {})).build.version, "0.0.0");
  await assert.rejects(old.call("vm.list", {}), code("VERSION_MISMATCH"));
  await old.call("daemon.stop", { ifIdle: true });
  assert.equal(bench.stopsAsked, 1);
});

test("stop if idle: refused while an operation or a stream is under way, obeyed afterwards", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const gate = Promise.withResolvers<void>();
  bench.onStep = (step) => (step === "memory: preflight" ? gate.promise : undefined);
  const began = await client.call("vm.create", { name: "web", image: "minimal" });
  await assert.rejects(client.call("daemon.stop", { ifIdle: true }), /1 operation and 0 streams under way/);
  gate.resolve();
  await bench.ended(client, began);
  const busy = /0 operations and 1 stream under way/;
  const { mux } = await (await bench.connect()).upgrade("files.write", { ref: "web", path: "/x" });
  await assert.rejects(client.call("daemon.stop", { ifIdle: true }), busy);
  await mux.close();
  await untilIdle(bench);
  const [forwarding, over] = [await bench.connect(), new AbortController()];
  const listening = Promise.withResolvers<void>();
  const tunnel = { signal: over.signal, onProgress: () => listening.resolve() };
  const tunnelled = forwarding.call(
    "port.forward",
    { ref: "web", ports: [{ host: await freePort(), guest: 1 }] },
    tunnel,
  );
  await listening.promise;
  await assert.rejects(client.call("daemon.stop", { ifIdle: true }), busy);
  over.abort(new Error("over"));
  await assert.rejects(tunnelled);
  await untilIdle(bench);
  const follower = await bench.connect();
  await follower.upgrade("vm.logs", { ref: "web", follow: true });
  await client.call("daemon.stop", { ifIdle: true });
  assert.equal(bench.stopsAsked, 1);
});

test("stop if idle: a command goes on with the next daemon, if that speaks as its client does", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await (await bench.connect()).upgrade("exec.run", { ref: "web", argv: ["cat"], stdin: true });
  await (await bench.connect()).upgrade("vm.logs", { ref: "web", follow: true });
  const hello = { protocol: 999, build: { version: "9", commit: "", builtAt: "" } };
  await using other = await connectClient(bench.paths.socket, { table: daemonMethods, hello, onMismatch: "accept" });
  await assert.rejects(other.call("daemon.stop", { ifIdle: true }), /0 operations and 2 streams under way/);
  assert.equal(bench.stopsAsked, 0);
  await client.call("daemon.stop", { ifIdle: true });
  assert.equal(bench.stopsAsked, 1);
});

/** The daemon has let go of a stream a moment after its client has. */
async function untilIdle(bench: DaemonBench): Promise<void> {
  const client = await bench.connect();
  for (let busy = true; busy; ) {
    busy = await client.call("daemon.stop", { ifIdle: true }).then(
      () => false,
      () => true,
    );
  }
  bench.stopsAsked = 0;
}

test("doctor has a row for every prerequisite and promise, and says how to mend what is wrong", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  assert.ok(bench.life);
  bench.life.driver.onStep = (step) => {
    if (step === "probe") throw new Error("no such machine");
  };
  const { rows } = await client.call("doctor.run", {});
  const of = (check: string) => rows.find((row) => row.check === check);
  assert.deepEqual(of("vmm"), { check: "vmm", status: "fail", detail: "no such machine" });
  assert.deepEqual([of("network")?.status, of("quarantine")?.status, of("space") !== undefined], ["ok", "ok", true]);
  assert.equal(of("isolation of web")?.detail, "namespaces: user, net");
  for (const { status, check, fix } of rows) {
    if (status === "fail" && check !== "vmm" && check !== "acceleration") assert.ok(fix, `${check} says no fix`);
  }
});

test("parameters that are wrong are USAGE, with the name of the field, and change nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const wrong = [{ name: "Web" }, { vcpus: 0 }, { memoryMib: 1 }, { diskMib: 1 }, { environment: ["=x"] }, { what: 1 }];
  for (const params of wrong) {
    const field = Object.keys(params)[0] ?? "";
    const refused = (error: unknown) => AppError.is(error, "USAGE") && error.message.includes(field);
    // biome-ignore lint/suspicious/noExplicitAny: what a client of another build might send
    await assert.rejects(client.call("vm.create", params as any), refused, field);
  }
  assert.deepEqual((await client.call("operation.list", {})).operations, []);
});

for (const [name, params, wanted] of [
  ["an image that nobody knows", { image: "nowhere" }, "IMAGE_NOT_FOUND"],
  ["a kernel that nobody knows", { image: "minimal", kernel: "nowhere" }, "KERNEL_NOT_FOUND"],
  ["more memory than the host has", { image: "minimal", memoryMib: 1_000_000 }, "MEMORY_SHORT"],
] as const) {
  test(`create with ${name} is ${wanted} and leaves nothing`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const end = await bench.ended(client, await client.call("vm.create", params));
    assert.equal(end.error?.code, wanted);
    const { machines, processes } = await bench.leftovers();
    assert.deepEqual([machines, processes], [[], 0]);
  });
}

test("an image or a kernel that a machine uses is not removed, and the machine is named", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await assert.rejects(client.call("image.delete", { ref: "minimal" }), /used by web/);
  await assert.rejects(client.call("kernel.delete", { ref: "debian" }), /used by web/);
});

test("a damaged image or kernel is named, a create with it leaves nothing, and both can be deleted", async () => {
  for (const [what, file, wanted] of [
    ["image", "root.ext4", "IMAGE_CORRUPT"],
    ["kernel", "vmlinuz", "KERNEL_CORRUPT"],
  ] as const) {
    await using bench = await DaemonBench.make();
    const [id, store] = what === "image" ? [IMAGE_ID, bench.paths.images] : [KERNEL_ID, bench.paths.kernels];
    await truncate(join(store, id, file), 100);
    const client = await bench.start();
    const { error } = await bench.ended(client, await client.call("vm.create", { image: "minimal" }));
    assert.equal(error?.code, wanted);
    assert.match(error?.message ?? "", new RegExp(`${id}.*${file}|${file}.*${id}`));
    assert.deepEqual((await bench.leftovers()).machines, []);
    assert.deepEqual(await client.call(`${what}.delete`, { ref: id }), { id });
  }
});
