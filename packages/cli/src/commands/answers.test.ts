/** What commands answer, as tables and as JSON that the contract's own schemas accept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ImageView, imageMethods } from "@banger/contract/daemon/image";
import { KernelView, kernelMethods } from "@banger/contract/daemon/kernel";
import { DaemonStatus, systemMethods } from "@banger/contract/daemon/system";
import { VmView, vmMethods } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { VmId } from "@banger/contract/ids";
import { World } from "../testing/world.ts";

const id = VmId.parse("abcdefghijkl");

test("list is a table, ids, or JSON", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web", { id });
  assert.equal(
    (await world.run(["ps"])).stdout,
    `NAME  ID            STATE    IMAGE    CPU  MEMORY   CREATED
web   abcdefghijkl  running  minimal  1    512 MiB  1 min ago
`,
  );
  assert.equal((await world.run(["list", "-q"])).stdout, "abcdefghijkl\n");
});

test("show is lines, and what a guest put into them is made harmless", async () => {
  await using world = await World.make();
  const lastError = { code: "GUEST_PANICKED", message: "it said \x1b]0;evil\x07" };
  world.daemon.addMachine("web", { id, state: "failed", startedAt: null, lastError });
  assert.equal(
    (await world.run(["show", "web"])).stdout,
    `Name:         web
Id:           abcdefghijkl
State:        failed
Image:        minimal (imageimage00)
Kernel:       debian (kernelkern00)
Processors:   1
Memory:       512 MiB
Work disk:    8 GiB
Created:      1 min ago
Started:      not running
When stopped: kept
Runs under:   qemu with tcg
Isolation:    emulation
Network:      shut; open: nothing
Agent:        0.1.0+abc (0123456789ab, built 2026-01-01T00:00:00.000Z) as pid1
Last error:   it said \\x1b]0;evil\\x07 (GUEST_PANICKED)
`,
  );
});

test("every answer with --json is what the contract says", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web", { id });
  const answer = async (line: string): Promise<unknown> => {
    const ran = await world.run([...line.split(" "), "--json"]);
    assert.equal(ran.status, 0, ran.stderr);
    return JSON.parse(ran.stdout);
  };
  vmMethods["vm.list"].result.parse(await answer("list"));
  VmView.parse(await answer("show web"));
  VmView.parse(await answer("create --name two"));
  VmView.parse(await answer("run -d --name three"));
  imageMethods["image.list"].result.parse(await answer("image list"));
  ImageView.parse(await answer("image show minimal"));
  ImageView.parse(await answer("image build minimal"));
  kernelMethods["kernel.list"].result.parse(await answer("kernel list"));
  KernelView.parse(await answer("kernel show debian"));
  KernelView.parse(await answer("kernel pull"));
  DaemonStatus.parse(await answer("daemon status"));
  DaemonStatus.parse(await answer("daemon start"));
  systemMethods["doctor.run"].result.parse(await answer("doctor"));
  assert.deepEqual(Object.keys(Object(await answer("version"))), ["cli", "daemon"]);
});

test("a machine that runs and can not be reached any more is seen in the list", async () => {
  await using world = await World.make();
  const lastError = { code: "GUEST_PROTOCOL", message: "the guest's agent broke the protocol" };
  world.daemon.addMachine("web", { id, agent: null, lastError });
  assert.match((await world.run(["list"])).stdout, /^web +abcdefghijkl +running, cut off +minimal /m);
});

test("show names an agent that is another than the daemon's", async () => {
  await using world = await World.make();
  const agent = { build: "0.0.9+old", commit: "unknown", builtAt: "unknown", role: "pid1", expected: "0.1.0+abc" };
  world.daemon.addMachine("web", { agent });
  const { stdout } = await world.run(["show", "web"]);
  assert.match(stdout, /^Agent: {8}0\.0\.9\+old as pid1; this build carries 0\.1\.0\+abc$/m);
});

test("version tells command line, daemon and their agents, and names a mismatch", async () => {
  const build = { version: "0.0.9", commit: "abc", builtAt: "yesterday" };
  await using world = await World.make({ build });
  const ran = await world.run(["version"]);
  assert.equal(
    ran.stdout,
    `Command line: 0.0.0-source (unknown, built unknown)
Its agent:    unknown
Daemon:       0.0.9 (abc, built yesterday)
Its agent:    0.1.0+abc (0123456789ab, built 2026-01-01T00:00:00.000Z)
`,
  );
  assert.match(ran.stderr, /^banger: the daemon is of another build; .*keep running\n$/);
  const { cli, daemon } = JSON.parse((await world.run(["version", "--json"])).stdout);
  assert.deepEqual([cli.agent.build, daemon.agent.build, daemon.version], ["unknown", "0.1.0+abc", "0.0.9"]);
});

test("several refs: a bad one stops no good one, and order is kept", async () => {
  await using world = await World.make();
  for (const name of ["a", "b"]) world.daemon.addMachine(name);
  const ran = await world.run(["delete", "a", "nope", "b", "a"]);
  assert.deepEqual(ran, {
    ...{ status: 4, stdout: "a\nb\n" },
    stderr: 'banger: there is no machine "nope"\nhint: `banger list` shows the machines.\n',
  });
  assert.equal(world.daemon.machines.size, 0);
});

test("several refs as JSON: one document, with the failures in their places", async () => {
  await using world = await World.make();
  const a = world.daemon.addMachine("a");
  const ran = await world.run(["stop", "--time", "0", "nope", "a", "--json"]);
  assert.equal(ran.status, 4);
  const { results } = JSON.parse(ran.stdout);
  assert.deepEqual([results[0].ref, results[0].error.code, results[1]], ["nope", "VM_NOT_FOUND", { ref: "a" }]);
  assert.deepEqual(world.daemon.callsOf("vm.stop"), [{ ref: a.id, graceMs: 0 }]);
});

test("several refs of one machine are one request, under the ref that came first", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("a");
  assert.deepEqual(await world.run(["kill", "a", id, "a"]), { status: 0, stdout: "a\n", stderr: "" });
  assert.deepEqual(world.daemon.callsOf("vm.kill"), [{ ref: id }]);
  const images = await world.run(["image", "delete", "-q", "minimal", "imageimage00", "nope"]);
  assert.deepEqual([images.status, images.stdout], [4, ""]);
  const operation = await world.run(["operation", "cancel", "nope", "neither"]);
  assert.deepEqual([operation.status, operation.stderr.split("\n").length], [4, 5]);
});

test("kill --signal takes names and numbers, and refuses what is no signal", async () => {
  await using world = await World.make();
  world.daemon.addMachine("a");
  for (const signal of ["HUP", "sighup", "1"]) {
    assert.equal((await world.run(["kill", "--signal", signal, "a"])).stdout, "a\n");
  }
  assert.deepEqual(world.daemon.callsOf("exec.signal"), Array(3).fill({ ref: "a", signal: 1 }));
  for (const [signal, hint] of [
    ["0", "from 1 to 64."],
    ["65", "from 1 to 64."],
    ["TREM", "did you mean TERM?"],
    ["", "from 1 to 64."],
  ] as const) {
    const ran = await world.run(["kill", "--signal", signal, "a"]);
    assert.equal(ran.status, 2);
    assert.ok(ran.stderr.startsWith(`banger: --signal ${JSON.stringify(signal)} is not a signal`), ran.stderr);
    assert.ok(ran.stderr.includes(hint), ran.stderr);
  }
});

test("progress is a line for each stage where there is no terminal, and none when quiet", async () => {
  await using world = await World.make();
  const ran = await world.run(["image", "build", "minimal"]);
  assert.equal(ran.stderr, "banger: image.build\nbanger: image minimal is there in 0 ms\n");
  assert.equal((await world.run(["image", "build", "-q"])).stderr, "");
});

test("logs --follow goes on until the machine is deleted, and says so; what is asked for is what the daemon hears", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const following = world.run(["logs", "-f", "-n", "3", "web"]);
  while (world.daemon.callsOf("vm.logs").length === 0) await world.run(["list"]);
  assert.equal((await world.run(["delete", "web"])).status, 0);
  const { status, stdout, stderr } = await following;
  assert.deepEqual(
    [status, stdout, stderr],
    [0, "Linux version 6.1\n\\x1b[31mred\\x1b[0m\n", "banger: web was deleted\n"],
  );
  world.daemon.addMachine("web");
  await world.run(["logs", "--command", "--since", "10m", "web"]);
  const since = Date.parse("2026-01-01T00:01:00.000Z") - 600_000;
  assert.deepEqual(world.daemon.callsOf("vm.logs"), [
    { ref: "web", source: "console", follow: true, tail: 3 },
    { ref: "web", source: "command", follow: false, since },
  ]);
});

test("logs are printable, or as they were written", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  assert.equal((await world.run(["logs", "web"])).stdout, "Linux version 6.1\n\\x1b[31mred\\x1b[0m\n");
  assert.equal((await world.run(["logs", "--raw", "web"])).stdout, String(world.daemon.console));
});

test("whoever watches a console is told where the output of what runs in the background is", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const { stderr } = await world.run(["logs", "web"], { terminal: { columns: 80 } });
  assert.match(stderr, /`banger logs --command web` has what its commands print\n$/);
  assert.equal((await world.run(["logs", "web"])).stderr, "");
});

test("doctor tells what mends it, and fails with 3", async () => {
  await using world = await World.make();
  world.daemon.doctorRows = [{ check: "kvm", status: "fail", detail: "missing", fix: "apt install kvm" }];
  const ran = await world.run(["doctor"]);
  const [configuration, ...others] = ran.stdout.split("\n");
  assert.match(configuration ?? "", /^ok {4}configuration: nothing is set; /);
  assert.deepEqual([ran.status, ran.stderr, others], [3, "", ["fail  kvm: missing", "      apt install kvm", ""]]);
});

test("a missing prerequisite is 3, even where the status belongs to a command", async () => {
  await using world = await World.make();
  world.daemon.createFailure = new AppError("PREREQUISITE_MISSING", "qemu is not installed");
  assert.equal((await world.run(["run", "--", "true"])).status, 3);
  world.daemon.createFailure = new AppError("DISK_FULL", "12 MiB are free, 100 are needed");
  assert.equal((await world.run(["run", "--", "true"])).status, 125);
  assert.equal((await world.run(["run", "-d"])).status, 3);
});

test("without a daemon: status says so with 6, stop is content, and a start that fails tells why", async () => {
  await using world = await World.make();
  await world.daemon[Symbol.asyncDispose]();
  const status = await world.run(["daemon", "status"]);
  assert.deepEqual([status.status, status.stdout], [6, ""]);
  assert.match(status.stderr, /^banger: the daemon is not running\nhint: /);
  assert.deepEqual(await world.run(["daemon", "stop"]), {
    ...{ status: 0, stdout: "", stderr: "banger: the daemon is not running\n" },
  });
  const list = await world.run(["list"]);
  assert.deepEqual([list.status, list.stdout], [6, ""]);
  assert.match(
    list.stderr,
    /^banger: the daemon ended before it was ready\nhint: Its log tells more: \/.*bangerd.log\n$/,
  );
});

test("daemon start --foreground becomes the daemon, with the user's directories", async () => {
  await using world = await World.make();
  const { home } = world;
  const ran = await world.run(["daemon", "start", "--foreground"]);
  const directories = `--state ${home}/.local/share/banger --runtime ${home}/run/banger --cache ${home}/.cache/banger`;
  assert.match(ran.stderr, new RegExp(`would become /bin/false ${directories} --foreground`));
});

test("wait prints the status of the command, or the name of a machine that has none", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web", { state: "stopped" });
  assert.deepEqual(await world.run(["wait", "web"]), { status: 0, stdout: "web\n", stderr: "" });
  for (const [end, printed] of [
    [{ status: 3 }, "3\n"],
    [{ signal: 15 }, "143\n"],
  ] as const) {
    world.daemon.commandEnd = end;
    assert.deepEqual(await world.run(["wait", "web", "--timeout", "5s"]), { status: 0, stdout: printed, stderr: "" });
  }
  assert.deepEqual(world.daemon.callsOf("vm.wait").at(-1), { ref: "web", timeoutMs: 5000 });
  const bad = await world.run(["wait", "--for", "rain", "web"]);
  assert.deepEqual([bad.status, bad.stdout], [2, ""]);
  world.daemon.commandEnd = { lost: "the machine was started anew" };
  assert.equal((await world.run(["wait", "web"])).status, 4);
  world.daemon.commandEnd = null;
  const lastError = { code: "VMM_DIED", message: "the VMM of web ended with SIGSEGV" };
  world.daemon.addMachine("bad", { state: "failed", lastError });
});

test("prune lists what could go and how, and removes it only when told to", async () => {
  await using world = await World.make();
  world.daemon.addMachine("runs");
  assert.deepEqual(await world.run(["prune"]), {
    ...{ status: 0, stdout: "", stderr: "banger: there is nothing to remove\n" },
  });
  world.daemon.addMachine("idle", { state: "stopped" });
  assert.deepEqual(await world.run(["prune"]), {
    status: 0,
    stdout: "NAME  STATE    SPACE  CREATED\nidle  stopped  1 MiB  1 min ago\n",
    stderr: "banger: `banger prune -f` removes them and frees 1 MiB\n",
  });
  assert.equal(JSON.parse((await world.run(["prune", "--json"])).stdout).items[0].bytes, 1 << 20);
  assert.equal(world.daemon.machines.size, 2);
  const ran = await world.run(["prune", "-f"]);
  assert.deepEqual([ran.status, ran.stdout], [0, "idle\n"]);
  assert.match(ran.stderr, /1 MiB freed in 0 ms\n$/);
  assert.equal(world.daemon.machines.size, 1);
});
