/** Machines that stay: made, started, stopped, looked at and deleted, one and several at a time. */
import assert from "node:assert/strict";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

type Machine = { name: string; state: string; [key: string]: unknown };

async function stateOf(name: string): Promise<string> {
  return ((await home.json(["show", name])) as Machine).state;
}

scenario("create makes a machine that does not run, and says what it is made of", async () => {
  const sizes = ["--vcpu", "2", "--memory", "256M", "--disk", "1G"];
  assert.equal(await home.ok(["create", "--name", "beta", "--image", "minimal", ...sizes]), "beta\n");
  const machine = (await home.json(["show", "beta"])) as Machine;
  const { name, state, vcpus, memoryMib, diskMib, startedAt, agent } = machine;
  assert.deepEqual(
    { name, state, vcpus, memoryMib, diskMib, startedAt, agent },
    {
      ...{ name: "beta", state: "stopped", vcpus: 2, memoryMib: 256, diskMib: 1024, startedAt: null, agent: null },
    },
  );
  assert.deepEqual((await home.traces()).processes, []);
  const exec = await home.run(["exec", "beta", "true"]);
  assert.equal(exec.status, 125);
  assert.match(exec.stderr, /^banger: beta is stopped\nhint: `banger start` starts it\.\n$/);
});

scenario("a started machine has the processors, memory, disks and name that it was given", async () => {
  assert.equal(await home.ok(["start", "-q", "beta"]), "beta\n");
  const script = "nproc; hostname; sed -n 's/MemTotal: *//p' /proc/meminfo; df -P -B1M /root / | awk 'NR>1{print $2}'";
  const [cpus, name, memory, work, root] = (await home.ok(["exec", "beta", "sh", "-c", script])).split("\n");
  assert.deepEqual([cpus, name], ["2", "beta"]);
  for (const [given, least, most] of [
    [Number.parseInt(memory ?? "", 10) / 1024, 200, 256],
    [Number(work), 900, 1024],
    [Number(root), 7500, 8192],
  ] as const) {
    assert.ok(given >= least && given <= most, `${given} is not from ${least} to ${most}`);
  }
});

scenario("show and list tell of a running machine what runs it, what is open, and which agent answers", async () => {
  const machine = (await home.json(["show", "beta"])) as Machine;
  assert.equal(machine.state, "running");
  assert.deepEqual(machine.network, { mode: "shut", open: [] });
  assert.equal(Reflect.get(Object(machine.vmm), "driver"), "qemu");
  assert.ok(machine.agent);
  assert.match(await home.ok(["show", "beta"]), /^State: +running$/m);
  assert.match(await home.ok(["ps"]), /^NAME +ID +STATE .*\nbeta +[0-9a-z]{12} +running +minimal /);
  assert.deepEqual(await home.json(["ps"]), { machines: [machine] });
});

scenario("what was written to either disk is there after stop and start", async () => {
  await home.ok(["exec", "beta", "sh", "-c", "echo home >/root/kept; echo root >/var/kept; echo gone >/run/gone"]);
  assert.equal(await home.ok(["stop", "beta"]), "beta\n");
  assert.equal(await stateOf("beta"), "stopped");
  const completions = () => home.ok(["__complete", "start", ""]);
  await home.until("its name to be offered", completions, (answer) => answer === "none\nbeta\tstopped, minimal\n");
  assert.deepEqual((await home.traces()).processes, []);
  assert.equal(await home.ok(["start", "-q", "beta"]), "beta\n");
  assert.equal(
    await home.ok(["exec", "beta", "sh", "-c", "cat /root/kept /var/kept; ls /run/gone 2>&1 | wc -l"]),
    "home\nroot\n1\n",
  );
  assert.equal(await home.ok(["exec", "beta", "sh", "-c", "dmesg 2>/dev/null | grep -ci 'recovery' || true"]), "0\n");
});

scenario("set grows the disk of a running machine at once, and tells what its next start brings", async () => {
  const workMib = async () =>
    Number((await home.ok(["exec", "beta", "df", "-B1M", "/root"])).split("\n")[1]?.split(/ +/)[1]);
  const ran = await home.run(["set", "beta", "--disk", "2G", "--vcpu", "1", "--env", "COLOUR=blue"]);
  assert.deepEqual(ran.stdout, "beta\n");
  assert.equal(ran.stderr, "banger: beta has 1 processor from its next start\n");
  const grown = await workMib();
  assert.ok(grown > 1900 && grown <= 2048, `${grown} MiB`);
  assert.equal(await home.ok(["exec", "beta", "sh", "-c", "nproc; echo $COLOUR; cat /root/kept"]), "2\nblue\nhome\n");
  const { nextStart } = (await home.json(["show", "beta"])) as Machine;
  assert.deepEqual(nextStart, { vcpus: 1 });
  const shrunk = await home.run(["set", "beta", "--disk", "1G"]);
  assert.deepEqual([shrunk.status, shrunk.stdout], [2, ""]);
  assert.match(shrunk.stderr, /^banger: the work disk of beta has 2 GiB, and can not shrink to 1 GiB\nhint: /);
  assert.equal((await home.run(["set", "beta"])).status, 2);
});

scenario("a running machine is renamed, and its guest with it", async () => {
  assert.equal(await home.ok(["rename", "beta", "gamma"]), "gamma\n");
  assert.equal(await home.ok(["exec", "gamma", "hostname"]), "gamma\n");
  for (const [name, status] of [
    ["gamma", 0],
    ["Gamma", 2],
    ["-", 2],
  ] as const) {
    assert.equal((await home.run(["rename", "gamma", name])).status, status);
  }
  assert.equal((await home.run(["show", "beta"])).status, 4);
  assert.equal(await home.ok(["rename", "gamma", "beta"]), "beta\n");
});

scenario("a paused machine stands still and refuses at once; resumed, it has the right time", async () => {
  const seconds = async () => Number(await home.ok(["exec", "beta", "date", "+%s"]));
  const uptime = async () => Number.parseFloat(await home.ok(["exec", "beta", "cat", "/proc/uptime"]));
  const before = await uptime();
  const pausedAt = Date.now();
  assert.equal(await home.ok(["pause", "beta"]), "beta\n");
  assert.equal(await stateOf("beta"), "paused");
  const refused = await home.run(["exec", "beta", "true"]);
  assert.deepEqual([refused.status, refused.stdout], [125, ""]);
  assert.match(refused.stderr, /^banger: beta is paused\nhint: `banger resume` lets it go on\.\n$/);
  assert.equal((await home.run(["start", "beta"])).status, 5);
  // The next daemon asks the VMM, not its own memory.
  await home.killDaemon();
  assert.equal(await stateOf("beta"), "paused");
  const heldMs = Date.now() - pausedAt;
  assert.equal(await home.ok(["resume", "beta"]), "beta\n");
  const ranMs = (await uptime()) * 1000 - before * 1000;
  assert.ok(ranMs < Date.now() - pausedAt - heldMs / 2, `it ran for ${ranMs} ms`);
  assert.ok(Math.abs((await seconds()) - Date.now() / 1000) < 5, "its clock is right");
  await home.ok(["pause", "beta"]);
  assert.equal(await home.ok(["stop", "beta"]), "beta\n");
  assert.deepEqual((await home.traces()).processes, []);
  assert.equal(await home.ok(["start", "-q", "beta"]), "beta\n");
});

scenario("reset puts the root disk back and keeps the work disk; a machine that ran runs again", async () => {
  await home.ok(["exec", "beta", "sh", "-c", "echo installed >/usr/local/tool; echo mine >/root/kept; sync"]);
  assert.equal(await home.ok(["reset", "-q", "beta"]), "beta\n");
  assert.equal(await stateOf("beta"), "running");
  assert.equal(
    await home.ok(["exec", "beta", "sh", "-c", "cat /root/kept; ls /usr/local | grep -c tool || true"]),
    "mine\n0\n",
  );
  assert.deepEqual(await home.json(["prune"]), { items: [] });
});

scenario("restart is a power-off and a start; kill asks nobody, and both leave what was synced", async () => {
  const bootId = async () => await home.ok(["exec", "beta", "cat", "/proc/sys/kernel/random/boot_id"]);
  const before = await bootId();
  await home.ok(["exec", "beta", "sh", "-c", "echo restarted >/root/kept"]);
  assert.equal(await home.ok(["restart", "-q", "beta"]), "beta\n");
  assert.notEqual(await bootId(), before);
  assert.equal(await home.ok(["exec", "beta", "cat", "/root/kept"]), "restarted\n");
  assert.equal(await home.ok(["kill", "beta"]), "beta\n");
  assert.equal(await stateOf("beta"), "stopped");
  assert.deepEqual((await home.traces()).processes, []);
  const none = await home.run(["kill", "--signal", "HUP", "beta"]);
  assert.deepEqual([none.status, none.stdout], [5, ""]);
  assert.equal(await home.ok(["start", "-q", "beta"]), "beta\n");
});

scenario("asking twice for the same is no error", async () => {
  const before = await home.json(["show", "beta"]);
  assert.equal(await home.ok(["start", "-q", "beta"]), "beta\n");
  assert.deepEqual(await home.json(["show", "beta"]), before);
  for (let i = 0; i < 2; i += 1) assert.equal(await home.ok(["stop", "--time", "0", "beta"]), "beta\n");
});

scenario("beta is free beside beta-sandbox, and each ref means exactly one of them", async () => {
  await home.ok(["create", "--name", "beta-sandbox", "--image", "minimal"]);
  assert.equal(((await home.json(["show", "beta"])) as Machine).name, "beta");
  const prefix = await home.run(["show", "beta-s"]);
  assert.deepEqual([prefix.status, prefix.stdout], [4, ""]);
  const { id } = (await home.json(["show", "beta-sandbox"])) as { id: string };
  assert.equal(((await home.json(["show", id.slice(0, 10)])) as Machine).name, "beta-sandbox");
});

scenario("of several refs a bad one stops no good one, and decides the exit status", async () => {
  const ran = await home.run(["start", "-q", "beta", "nobody", "beta-sandbox"]);
  assert.deepEqual([ran.status, ran.stdout], [4, "beta\nbeta-sandbox\n"]);
  assert.match(ran.stderr, /^banger: there is no machine "nobody"\nhint: .*\n$/);
  assert.deepEqual([await stateOf("beta"), await stateOf("beta-sandbox")], ["running", "running"]);
});

scenario("prune names what does not run, and removes it when told to", async () => {
  await home.ok(["create", "--name", "idle", "--image", "minimal"]);
  const { items } = (await home.json(["prune"])) as { items: { name: string; bytes: number }[] };
  assert.deepEqual(
    items.map(({ name, bytes }) => [name, bytes > 0]),
    [["idle", true]],
  );
  const shown = await home.run(["prune"]);
  assert.match(shown.stdout, /^NAME .*\nidle +stopped +\d.*\n$/);
  assert.match(shown.stderr, /^banger: `banger prune -f` removes them and frees \d/);
  assert.equal(await home.ok(["prune", "-f"]), "idle\n");
  assert.deepEqual((await home.run(["show", "idle"])).status, 4);
  assert.equal((await home.run(["prune"])).stderr, "banger: there is nothing to remove\n");
});

scenario("power-off from inside ends as stopped, without an error", async () => {
  // The command goes down with the machine, whichever is told first.
  await home.run(["exec", "beta", "sh", "-c", "kill -TERM 1; sleep 60"]);
  const show = async () => (await home.json(["show", "beta"])) as Machine;
  const { state, lastError } = await home.until(
    "the end",
    show,
    ({ state }) => state === "stopped" || state === "failed",
  );
  assert.deepEqual({ state, lastError }, { state: "stopped", lastError: null });
});

scenario("delete ends running machines too, and leaves nothing of them", async () => {
  const ran = await home.run(["delete", "beta-sandbox", "nobody", "beta"]);
  assert.deepEqual([ran.status, ran.stdout], [4, "beta-sandbox\nbeta\n"]);
  assert.deepEqual(await home.json(["list"]), { machines: [] });
  const { processes, files } = await home.traces();
  assert.deepEqual([processes, files.filter((path) => path.startsWith("data/banger/machines/"))], [[], []]);
});
