/** The daemon comes when it is needed, may die at any moment, and takes nothing with it. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@banger/platform/testing/free-port";
import { cloneTree } from "../harness/content-cache.ts";
import { checkout, node } from "../harness/home.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

type Machine = { id: string; name: string; state: string; lastError: unknown };

async function machines(): Promise<Machine[]> {
  return (Object(await home.json(["list"])) as { machines: Machine[] }).machines;
}

scenario("20 commands at once start one daemon, and all are answered", async () => {
  await home.stopDaemon();
  const ran = await Promise.all(Array.from({ length: 20 }, () => home.run(["daemon", "start", "--json"])));
  assert.deepEqual(new Set(ran.map(({ status, stderr }) => `${status}${stderr}`)), new Set(["0"]));
  assert.equal(new Set(ran.map(({ stdout }) => Object(JSON.parse(stdout)).pid)).size, 1);
});

scenario("a machine and its background command outlive a daemon that is killed; the next one has it all", async () => {
  const counting = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; touch /run/counted; sleep 3600";
  await home.ok(["run", "-dq", "--name", "kept", "--image", "minimal", "--", "sh", "-c", counting]);
  const [before] = await machines();
  const processes = (await home.traces()).processes;
  await using followed = home.start(["logs", "-f", "--command", "kept"]);
  await followed.shows("line 1\n");
  await home.killDaemon();
  assert.equal(
    await home.ok(["exec", "kept", "sh", "-c", "until [ -e /run/counted ]; do sleep 0.1; done; echo here"]),
    "here\n",
  );
  assert.deepEqual((await home.traces()).processes, processes);
  assert.deepEqual(await machines(), [before]);
  await home.killDaemon();
  const whole = Array.from({ length: 3000 }, (_, index) => `line ${index + 1}\n`).join("");
  const logs = () => home.ok(["logs", "--command", "kept"]);
  assert.equal(await home.until("the whole log", logs, (text) => text.length >= whole.length), whole);
  await followed.shows("line 3000\n");
  followed.signal("SIGINT");
  assert.equal((await followed.ended).stdout, whole);
});

scenario(
  "a command whose daemon is killed, stopped or killed again goes on with the next one, byte by byte",
  async () => {
    await using running = home.start(["exec", "-i", "kept", "sh", "-c", "echo $$; exec cat"], { stdin: "pipe" });
    const [pid = ""] = await running.shows(/^\d+\n/);
    const deaf = 'until [ -e /run/go ]; do sleep 0.1; done; echo "done"; exit 3';
    await using without = home.start(["exec", "kept", "sh", "-c", `echo begun; ${deaf}`]);
    await without.shows("begun\n");
    const sent: string[] = [];
    const say = async (line: string) => {
      sent.push(`${line}\n`);
      running.stdin.write(`${line}\n`);
      await running.shows(`${line}\n`);
    };
    await say("before");
    await home.killDaemon();
    await say("after a kill");
    await home.stopDaemon();
    await say("after a stop");
    const daemon = await home.daemon();
    running.stdin.write("just before\n");
    await home.killDaemon(daemon);
    sent.push("just before\n");
    await say("after another kill");
    assert.match(await home.ok(["exec", "kept", "cat", `/proc/${pid.trim()}/comm`]), /^cat$/m);
    await using watching = home.start(["attach", "--no-stdin", "kept"]);
    await watching.shows("line 3000\n");
    await home.ok(["exec", "kept", "touch", "/run/go"]);
    const end = await without.ended;
    assert.deepEqual([end.status, end.stdout, end.stderr], [3, "begun\ndone\n", ""]);
    running.stdin.end();
    const { status, stdout, stderr } = await running.ended;
    assert.deepEqual([status, stdout, stderr], [0, pid + sent.join(""), ""]);
  },
);

scenario("daemon stop keeps machines, and status does not start a daemon", async () => {
  const processes = (await home.traces()).processes;
  assert.equal(processes.length > 0, true);
  await home.stopDaemon();
  assert.equal((await home.run(["daemon", "status"])).status, 6);
  assert.deepEqual((await home.traces()).processes, processes);
  assert.equal(await home.ok(["exec", "kept", "hostname"]), "kept\n");
});

scenario(
  "a machine that died while there was no daemon is found stopped, with the reason, and starts again",
  async () => {
    await home.stopDaemon();
    for (const line of (await home.traces()).processes) process.kill(Number.parseInt(line, 10), "SIGKILL");
    const [machine] = await machines();
    assert.deepEqual([machine?.state, Object(machine?.lastError).code], ["stopped", "VMM_DIED"]);
    await home.ok(["start", "-q", "kept"]);
    assert.equal(await home.ok(["exec", "kept", "hostname"]), "kept\n");
    await home.ok(["delete", "kept"]);
  },
);

scenario("the daemon killed at any stage of a create: the next one leaves nothing of it", async () => {
  const before = await home.traces();
  for (const stage of ["prepare", "boot", "configure"]) {
    const daemon = await home.daemon();
    await using creating = home.start(["create", "--start", "--name", "half", "--image", "minimal"]);
    await creating.shows(`banger: ${stage}\n`);
    await home.killDaemon(daemon);
    const { status } = await creating.ended;
    // The last stage is short: a create that was quicker than the signal is whole, and stays.
    if (status === 0) await home.ok(["delete", "half"]);
    assert.deepEqual([stage, await machines()], [stage, []]);
    assert.deepEqual(await home.traces(), before, `killed at ${stage}`);
  }
});

scenario("the command line of another build replaces an idle daemon; machines and commands go on", async () => {
  await home.ok(["run", "-dq", "--name", "through", "--image", "minimal"]);
  const { builtAt, agent } = Object(await home.json(["version"])).cli as { builtAt: string; agent: object };
  const other = join(home.directory, "tmp/other");
  await anotherBuild(other, builtAt);
  const product = [node, join(other, "build/cli/start.cjs")];
  const old = await home.daemon();

  await using forwarding = home.start(["forward", "through", `${await freePort()}:1`]);
  await forwarding.shows(/:\d+/);
  const refused = await home.run(["list", "-q"], { product });
  assert.equal(refused.status, 0);
  assert.match(refused.stderr, /another build, .*busy/);
  forwarding.signal("SIGINT");
  await forwarding.ended;

  await using attached = home.start(["exec", "-i", "through", "cat"], { stdin: "pipe" });
  attached.stdin.write("before\n");
  await attached.shows("before\n");
  // It stands still meanwhile, because it would start its own daemon if it were quicker.
  attached.signal("SIGSTOP");
  assert.equal(await home.ok(["exec", "through", "hostname"], { product }), "through\n");
  await home.ended(old);
  const status = JSON.parse(await home.ok(["daemon", "status", "--json"], { product }));
  assert.deepEqual([status.build.builtAt, status.machines], [laterThan(builtAt), { total: 1, running: 1 }]);
  attached.signal("SIGCONT");
  attached.stdin.end("after\n");
  assert.equal((await attached.ended).stdout, "before\nafter\n");
  assert.equal(await home.ok(["exec", "through", "hostname"]), "through\n");
  assert.deepEqual(Object(await home.json(["show", "through"])).agent, { ...agent, role: "pid1" });
  await rm(other, { recursive: true });
});

/** The product once more, as if it had been built a year later. */
async function anotherBuild(directory: string, builtAt: string): Promise<void> {
  await mkdir(join(directory, "build"), { recursive: true });
  for (const part of ["build/cli", "build/daemon", "build/native", "build/guest", "images"]) {
    await cloneTree(join(checkout, part), join(directory, part), "copy");
  }
  for (const bundle of ["build/cli/banger.cjs", "build/daemon/bangerd.cjs"]) {
    const path = join(directory, bundle);
    const code = await readFile(path, "utf8");
    assert.ok(code.includes(builtAt), `${bundle} does not say when it was built`);
    await writeFile(path, code.replaceAll(builtAt, laterThan(builtAt)));
  }
}

function laterThan(time: string): string {
  return time.replace(/^\d+/, (year) => String(Number(year) + 1));
}
