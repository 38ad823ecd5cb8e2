/** What surrounds the VMM: namespaces, limits, descriptors, environment, capabilities; and what is said when they fail. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { asUser, canMount, gone, launcherPath, Machine, run, staticLauncherPath, until, users } from "./harness.ts";

const NAMESPACES = { user: "user", net: "net", mount: "mnt", ipc: "ipc", uts: "uts", pid: "pid" };

for (const user of users) {
  for (const isolate of ["none", "auto"]) {
    test(`the report tells exactly which namespaces are new (as ${user}, isolate ${isolate})`, () => {
      using machine = new Machine(user);
      const report = machine.startVmm(["/bin/sleep", "1000"], ["--isolate", isolate]);
      const fresh = Object.entries(NAMESPACES)
        .filter(([, file]) => readlinkSync(`/proc/${report.vmm}/ns/${file}`) !== readlinkSync(`/proc/self/ns/${file}`))
        .map(([name]) => name);
      assert.deepEqual(report.isolation, fresh);
      if (isolate === "none") assert.deepEqual(fresh, []);
      else assert.ok(fresh.length === 6 || report.reason !== null);
    });
  }

  test(`the VMM has no capabilities, no way to new ones, and its own ids (as ${user})`, async () => {
    using machine = new Machine(user);
    machine.start("id -u; id -g; grep -E '^(Cap|NoNewPrivs|SigIgn|SigBlk)' /proc/self/status", ["--isolate", "auto"]);
    await machine.exit();
    const [uid, gid, ...lines] = machine.read("console.log").trim().split("\n");
    const id = user === "nobody" ? "65534" : String(process.getuid?.());
    assert.deepEqual([uid, gid], [id, user === "nobody" ? "65534" : String(process.getgid?.())]);
    for (const line of lines) {
      const [name, value] = line.split(":\t");
      // dropping the bounding set takes a capability that an ordinary user lacks; no_new_privs makes it moot
      if (name !== "CapBnd") assert.equal(Number.parseInt(value ?? "", 16), name === "NoNewPrivs" ? 1 : 0, line);
    }
  });

  test(`Unix sockets work by path, the host's loopback is out of reach (as ${user})`, async () => {
    using machine = new Machine(user);
    const host = createServer().listen(0, "127.0.0.1");
    await once(host, "listening");
    const address = host.address();
    assert.ok(address !== null && typeof address === "object");
    const vmm = `const net = require("node:net");
      net.connect(${address.port}, "127.0.0.1").on("connect", () => report("reached")).on("error", (e) => report(e.code));
      function report(word) { net.createServer((c) => c.end(word)).listen("peer.sock"); }`;
    const report = machine.startVmm([process.execPath, "-e", vmm], ["--isolate", "auto", "--chdir"]);
    const word = await ask(join(machine.dir, "peer.sock"));
    host.close();
    assert.equal(word, report.isolation.includes("net") ? "ENETUNREACH" : "reached");
  });
}

/** Connects as soon as the socket listens; what the peer says. */
async function ask(path: string): Promise<string> {
  return until(`an answer on ${path}`, () => {
    const { status, stdout } = run([
      process.execPath,
      "-e",
      'require("node:net").connect(process.argv[1]).pipe(process.stdout)',
      path,
    ]);
    return status === 0 ? stdout : undefined;
  });
}

test("the VMM sees only its own processes, and cannot write to the host's /proc and /sys", async () => {
  using machine = new Machine();
  const report = machine.start(
    "echo $$; ls -d /proc/[0-9]*; f=/proc/sys/kernel/core_uses_pid; cat $f >$f; touch /sys/x",
    ["--isolate", "auto"],
  );
  await machine.exit();
  if (!report.isolation.includes("pid")) return assert.notEqual(report.reason, null);
  assert.match(machine.read("console.log"), /^1\n\/proc\/1\n(\/proc\/\d\n)?$/);
  assert.match(machine.read("vmm.log"), /core_uses_pid: (Read-only|Permission denied)/);
});

test("limits, umask, environment and working directory are the ones promised", async () => {
  using machine = new Machine();
  machine.start("ulimit -n; ulimit -c; ulimit -f; umask; pwd; env | sort", [
    "--rlimit-nofile",
    "100",
    "--rlimit-fsize",
    "1048576",
  ]);
  await machine.exit();
  assert.deepEqual(machine.read("console.log").trim().split("\n"), [
    "100",
    "0",
    "2048",
    "0077",
    "/",
    "BANGER_NONCE=n0nce",
    "LC_ALL=C",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PWD=/",
  ]);
});

test("no descriptor of the starter reaches the launcher or its VMM", async () => {
  using machine = new Machine();
  // What it opens to load itself is its own; once it speaks, that is over.
  const script = "echo ready; while :; do sleep 1; done";
  const [file = "", ...args] = machine.argv(["/bin/sh", "-c", script], ["--isolate", "auto"]);
  const starter = spawn(file, args, { stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"] });
  const [line] = await once(starter.stdout, "data");
  const report = machine.adopt(String(line));
  await until("the VMM", () => (machine.read("console.log") === "ready\n" ? true : undefined));
  assert.deepEqual(readdirSync(`/proc/${report.vmm}/fd`).sort(), ["0", "1", "2", "3"]);
  assert.equal(readlinkSync(`/proc/${report.vmm}/fd/0`), "/dev/null");
  const held = readdirSync(`/proc/${report.launcher}/fd`).map((fd) =>
    readlinkSync(`/proc/${report.launcher}/fd/${fd}`),
  );
  assert.equal(held.filter((target) => target.startsWith("socket:")).length, 0, held.join(" "));
});

for (const user of users) {
  test(`the probe says what a run would get (as ${user})`, () => {
    using machine = new Machine(user);
    const probe = run(asUser(user, [launcherPath, "--probe-isolation"]));
    assert.equal(probe.status, 0);
    const { isolation, reason } = machine.start("exit 0", ["--isolate", "auto"]);
    assert.deepEqual(JSON.parse(probe.stdout), { isolation, reason });
  });
}

for (const { who, spec, expected } of [
  { who: "an ordinary user", spec: "65534:65534", expected: [] },
  { who: "root", spec: "0:0", expected: ["net", "mount", "ipc", "uts", "pid"] },
]) {
  test(`in a chroot, where user namespaces are forbidden, it goes on with less and says why (${who})`, {
    skip: canMount ? false : "only root with CAP_SYS_ADMIN can mount and chroot",
  }, async () => {
    using machine = new Machine("nobody");
    chmodSync(machine.dir, 0o755); // root without capabilities is an ordinary user to a directory of another
    for (const name of ["proc", "dev", "m"]) mkdirSync(join(machine.dir, name), { mode: 0o755 });
    copyFileSync(staticLauncherPath, join(machine.dir, "launcher"));
    const script = `mount -t proc proc "$1/proc" && touch "$1/dev/null" && mount --bind /dev/null "$1/dev/null" &&
      chown ${spec} "$1/m" && exec chroot --userspec=${spec} "$1" /launcher --dir /m --nonce n --isolate auto -- /launcher --version`;
    const { stdout, stderr } = run(["unshare", "-m", "sh", "-c", script, "sh", machine.dir]);
    const report = machine.adopt(stdout || stderr);
    assert.deepEqual(report.isolation, expected);
    assert.equal(report.reason, "the host refuses new namespaces: Operation not permitted");
    await gone(report.launcher, report.launcherStart);
    assert.match(machine.read("m/console.log"), /^banger-launcher /);
  });
}

test("a disk that the output has filled costs output, not the exit record", {
  skip: canMount ? false : "only root with CAP_SYS_ADMIN can mount a small disk",
}, () => {
  using machine = new Machine();
  const script = `mount -t tmpfs -o size=64k none "$1" || exit 9
    "$2" --dir "$1" --nonce n -- /bin/sh -c 'yes | head -c 5000000; exit 6' >/dev/null
    for i in $(seq 500); do test -e "$1/exit.json" && break; sleep 0.02; done; cat "$1/exit.json"; df --output=avail "$1"`;
  const { stdout } = run(["unshare", "-m", "sh", "-c", script, "sh", machine.dir, launcherPath]);
  assert.match(stdout, /^\{"status":6,.*\n *Avail\n *0\n/);
});
