/** Every function of the addon against real processes, files and sockets. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Native } from "@banger/platform/native";

const path = join(import.meta.dirname, "../../build/native/banger.node");
const load = createRequire(import.meta.url);
const addon: Native = load(path);
/** The same, for calls that TypeScript would not let through. */
const untyped: Record<string, (...args: unknown[]) => unknown> = load(path);

const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const SIGKILL = 9;

class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "banger-addon-"));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function sleeper(): ChildProcess & { pid: number } {
  const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore" });
  assert.ok(child.pid !== undefined);
  return Object.assign(child, { pid: child.pid });
}

/** How many pidfds this process holds. */
function openPidfds(): number {
  return readdirSync("/proc/self/fdinfo").filter((fd) => /^Pid:/m.test(fdinfo(fd))).length;
}

function fdinfo(fd: string | number): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  } catch {
    return ""; // ENOENT: the listing's own descriptor
  }
}

test("the list of exports is closed", () => {
  const expected = [
    "closeFd",
    "ofdLock",
    "openat2",
    "peerCredentials",
    "pidfdOpen",
    "pidfdSendSignal",
    "pidfdWait",
    "trimHeap",
  ];
  assert.deepEqual(new Set(Object.keys(addon)), new Set(expected));
});

test("peerCredentials: both ends of a Unix socket name this process", async () => {
  using directory = new Directory();
  const server = createServer().listen(join(directory.path, "s"));
  await once(server, "listening");
  const client = connect(join(directory.path, "s"));
  const [peer] = await once(server, "connection");
  const mine = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  assert.deepEqual(addon.peerCredentials(peer._handle.fd), mine);
  for (const end of [client, peer, server]) {
    end.destroy?.();
    end.close?.();
  }
});

test("peerCredentials: a socket that has no such peer, and a file, are errors", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const handle: { fd: number } = Reflect.get(server, "_handle");
  assert.throws(() => addon.peerCredentials(handle.fd), { code: "ENOTCONN", syscall: "getsockopt" });
  server.close();
  const file = openSync("/dev/null", "r");
  assert.throws(() => addon.peerCredentials(file), { code: "ENOTSOCK", syscall: "getsockopt" });
  closeSync(file);
});

test("pidfd: a process is signalled and its end awaited", async () => {
  const child = sleeper();
  const fd = addon.pidfdOpen(child.pid);
  const ended = addon.pidfdWait(fd);
  addon.pidfdSendSignal(fd, 0);
  addon.pidfdSendSignal(fd, SIGKILL);
  const exited = once(child, "exit");
  assert.equal(await ended, undefined);
  assert.deepEqual(await exited, [null, "SIGKILL"]);
  assert.throws(() => addon.pidfdSendSignal(fd, 0), { code: "ESRCH", syscall: "pidfd_send_signal", errno: -3 });
  await addon.pidfdWait(fd); // of a process that is gone: at once
  addon.closeFd(fd);
});

test("pidfdWait: several at once, each its own process, and two of the same descriptor", async () => {
  const children = Array.from({ length: 8 }, sleeper);
  const fds = children.map((child) => addon.pidfdOpen(child.pid));
  const order: number[] = [];
  const waits = fds.map(async (fd, index) => {
    await Promise.all([addon.pidfdWait(fd), addon.pidfdWait(fd)]);
    order.push(index);
  });
  for (const index of [5, 1, 0, 2, 7, 6, 4, 3]) {
    addon.pidfdSendSignal(fds[index] ?? -1, SIGKILL);
    await waits[index];
  }
  assert.deepEqual(order, [5, 1, 0, 2, 7, 6, 4, 3]);
  assert.ok(openPidfds() >= fds.length);
  for (const fd of fds) addon.closeFd(fd);
  await immediate();
  await immediate(); // the duplicates are closed in the loop's closing phase, which comes after the first
  assert.equal(openPidfds(), 0);
});

test("pidfdWait: closing the descriptor cancels its waits and no others", async () => {
  const child = sleeper();
  const [one, other] = [addon.pidfdOpen(child.pid), addon.pidfdOpen(child.pid)];
  const cancelled = assert.rejects(addon.pidfdWait(one), { code: "ECANCELED", syscall: "pidfd_wait" });
  const ended = addon.pidfdWait(other);
  addon.closeFd(one);
  await cancelled;
  child.kill("SIGKILL");
  await ended;
  addon.closeFd(other);
});

test("pidfdWait: a descriptor that is closed or cannot be polled rejects", async () => {
  const file = openSync(path, "r");
  await assert.rejects(addon.pidfdWait(file), { code: "EPERM", syscall: "pidfd_wait" });
  closeSync(file);
  await assert.rejects(addon.pidfdWait(file), { code: "EBADF", syscall: "pidfd_wait" });
});

test("pidfdWait: the loop ends after the promise, and so does a worker that still waits", async () => {
  const script = `const addon = require(${JSON.stringify(path)});
    const child = require("node:child_process").spawn("/bin/true");
    const fd = addon.pidfdOpen(child.pid);
    addon.pidfdWait(fd).then(() => console.log("ended"));`;
  const done = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", timeout: 20_000 });
  assert.deepEqual([done.status, done.stdout], [0, "ended\n"]);

  const worker = new Worker(
    `const addon = require(${JSON.stringify(path)});
    addon.pidfdWait(addon.pidfdOpen(process.pid));
    require("node:worker_threads").parentPort.postMessage("waiting");`,
    { eval: true },
  );
  await once(worker, "message");
  assert.equal(await worker.terminate(), 1);
});

test("pidfdOpen: a process that does not exist", async () => {
  const child = spawn("/bin/true");
  const { pid } = child;
  await once(child, "exit");
  assert.ok(pid !== undefined);
  assert.throws(() => addon.pidfdOpen(pid), { code: "ESRCH", syscall: "pidfd_open" });
});

test("descriptors made here do not reach children", () => {
  const fd = addon.pidfdOpen(process.pid);
  const opened = addon.openat2(-100, "/dev/null", constants.O_RDONLY, 0, 0);
  for (const made of [fd, opened]) {
    const flags = /^flags:\s+(\d+)$/m.exec(fdinfo(made))?.[1] ?? "0";
    assert.ok(Number.parseInt(flags, 8) & 0o2000000, "close-on-exec is not set");
    addon.closeFd(made);
  }
});

test("closeFd: closes once", () => {
  const fd = openSync("/dev/null", "r");
  addon.closeFd(fd);
  assert.throws(() => addon.closeFd(fd), {
    code: "EBADF",
    syscall: "close",
    message: "EBADF: bad file descriptor, close",
  });
});

test("ofdLock: exclusive shuts out, shared does not, closing frees", () => {
  using directory = new Directory();
  const [one, two, three] = [0, 1, 2].map(() => openSync(join(directory.path, "lock"), "a+"));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  assert.equal(addon.ofdLock(one, true), true);
  assert.equal(addon.ofdLock(two, true), false);
  assert.equal(addon.ofdLock(two, false), false);
  assert.equal(addon.ofdLock(one, false), true);
  assert.equal(addon.ofdLock(two, false), true);
  assert.equal(addon.ofdLock(three, true), false);
  closeSync(one);
  closeSync(two);
  assert.equal(addon.ofdLock(three, true), true);
  closeSync(three);
  assert.throws(() => addon.ofdLock(three, true), { code: "EBADF", syscall: "fcntl" });
});

test("openat2: what is beneath opens, what leads out does not", () => {
  using directory = new Directory();
  mkdirSync(join(directory.path, "in"));
  writeFileSync(join(directory.path, "in", "file"), "inside");
  symlinkSync("/etc/passwd", join(directory.path, "in", "link"));
  symlinkSync("file", join(directory.path, "in", "near"));
  const dirfd = openSync(join(directory.path, "in"), constants.O_RDONLY | constants.O_DIRECTORY);
  const fd = addon.openat2(dirfd, "near", constants.O_RDONLY, 0, RESOLVE_BENEATH);
  assert.equal(readFileSync(fd, "utf8"), "inside");
  addon.closeFd(fd);
  for (const { name, resolve, code } of [
    { name: "link", resolve: RESOLVE_BENEATH, code: "EXDEV" },
    { name: "../in/file", resolve: RESOLVE_BENEATH, code: "EXDEV" },
    { name: "/etc/passwd", resolve: RESOLVE_BENEATH, code: "EXDEV" },
    { name: "near", resolve: RESOLVE_NO_SYMLINKS, code: "ELOOP" },
    { name: "absent", resolve: RESOLVE_BENEATH, code: "ENOENT" },
  ]) {
    assert.throws(() => addon.openat2(dirfd, name, constants.O_RDONLY, 0, resolve), { code, syscall: "openat2" });
  }
  const made = addon.openat2(
    dirfd,
    "new",
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    0o600,
    RESOLVE_BENEATH,
  );
  addon.closeFd(made);
  assert.ok(readdirSync(join(directory.path, "in")).includes("new"));
  closeSync(dirfd);
});

test("trimHeap: pages that are free beneath one that is not go back to the system", () => {
  const script = `const addon = require(${JSON.stringify(path)});
    const pieces = Array.from({ length: 1600 }, () => new Uint8Array(65536).fill(1));
    const kept = pieces.filter((_, index) => index % 100 === 99);
    pieces.length = 0;
    const before = process.memoryUsage.rss();
    gc();
    // A thread of V8 frees what was found; without the trimming this would go on until the deadline.
    do addon.trimHeap();
    while (before - process.memoryUsage.rss() < 50e6);
    console.log(kept.length);`;
  const done = spawnSync(process.execPath, ["--expose-gc", "-e", script], { encoding: "utf8", timeout: 20_000 });
  assert.deepEqual([done.status, done.stdout, done.stderr], [0, "16\n", ""]);
});

test("arguments are never coerced", () => {
  const wrong = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
  const refused = (name: string, ...args: unknown[]) =>
    assert.throws(() => untyped[name]?.(...args), wrong, `${name}(${args.map(String).join(", ")})`);
  for (const fd of [Number.NaN, -1, 1.5, 2 ** 31, "1", undefined, null, {}]) {
    for (const name of ["peerCredentials", "pidfdSendSignal", "pidfdWait", "closeFd", "ofdLock"]) refused(name, fd, 0);
  }
  for (const pid of [0, -1, Number.NaN, "1"]) refused("pidfdOpen", pid);
  refused("ofdLock", 0, 1);
  refused("openat2", -100, "a\0b", 0, 0, 0);
  refused("openat2", -100, "a".repeat(5000), 0, 0, 0);
  refused("openat2", -100, "/dev/null");
});
