/** `banger run` as a user types it: streams, exit statuses, names, interrupts, and a host that is as it was. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cloneTree, downloads } from "../harness/content-cache.ts";
import { Home } from "../harness/home.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });
const once = ["run", "--rm", "--image", "minimal"];

scenario("run --rm: the command's output alone on stdout, and nothing left of the machine", async () => {
  const ran = await home.unchangedBy(() => home.run([...once, "--", "cat", "/etc/os-release"]));
  assert.equal(ran.status, 0, ran.stderr);
  assert.match(ran.stdout, /^PRETTY_NAME="Debian GNU\/Linux 12 \(bookworm\)"\n(?:.*\n)*BUG_REPORT_URL=.*\n$/);
  assert.match(ran.stderr, /^banger: prepare\nbanger: boot\nbanger: configure\nbanger: [a-z0-9-]+ is ready in .* s\n$/);
  assert.deepEqual(await home.json(["list"]), { machines: [] });
});

scenario("run --rm: status, both outputs and the environment are those of the command, byte by byte", async () => {
  const script = 'printf "\\0\\377\\n%s" "$GREETING"; printf "to err\\r\\n" >&2; wc -c; exit 7';
  const stdin = randomBytes(300_000);
  const argv = [...once, "-q", "--env", "GREETING=hi there", "--", "sh", "-c", script];
  const ran = await home.unchangedBy(() => home.run(argv, { stdin }));
  assert.deepEqual([ran.status, ran.stderr], [7, "to err\r\n"]);
  assert.equal(ran.bytes.toString("latin1"), "\0\xff\nhi there300000\n");
});

scenario(
  "run: a command that is not there is 127, one that can not be executed 126, and a failure of ours 125",
  async () => {
    for (const [argv, status, message] of [
      [["no-such-command"], 127, /no-such-command/],
      [["/etc/os-release"], 126, /\/etc\/os-release/],
    ] as const) {
      const ran = await home.unchangedBy(() => home.run([...once, "-q", "--", ...argv]));
      assert.deepEqual([ran.status, ran.stdout], [status, ""]);
      assert.match(ran.stderr, message);
    }
    const ours = await home.unchangedBy(() => home.run(["run", "--image", "no-such-image", "--", "true"]));
    assert.equal(ours.status, 125);
    assert.match(ours.stderr, /no-such-image/);
  },
);

scenario("run -d -- CMD: CMD goes on in the machine, its output is in the logs, and its name is taken", async () => {
  const script = 'echo "from $0"; echo and errors >&2; touch /run/said; exec sleep 3600';
  const argv = ["run", "-d", "--name", "worker", "--image", "minimal", "--", "sh", "-c", script, "inside"];
  assert.equal(await home.ok(argv), "worker\n");
  await home.ok(["exec", "worker", "sh", "-c", "until [ -e /run/said ]; do sleep 0.1; done"]);
  const logs = await home.ok(["logs", "--command", "worker"]);
  assert.deepEqual(logs.split("\n").toSorted(), ["", "and errors", "from inside"]);
  const { results } = Object(await home.json(["stats", "worker"]));
  const { guest, host } = results[0].result;
  const spaces = [guest.memory, guest.root, guest.work].map(({ used, total }) => used > 0 && used < total);
  assert.deepEqual(spaces, [true, true, true], JSON.stringify(guest));
  assert.ok(guest.uptimeMs > 0 && guest.cpuPercent >= 0 && host.residentBytes > 2 ** 20 && host.diskBytes > 2 ** 20);
  const clash = await home.unchangedBy(() => home.run(["run", "--name", "worker", "--image", "minimal", "--", "true"]));
  assert.equal(clash.status, 125);
  assert.match(clash.stderr, /worker/);
  const watching = home.start(["attach", "--no-stdin", "worker"]);
  for (const line of ["from inside\n", "and errors\n"]) await watching.shows(line);
  watching.signal("SIGINT");
  assert.deepEqual((({ status, stderr }) => [status, stderr])(await watching.ended), [130, "and errors\n"]);
  const waiting = home.start(["wait", "worker"]);
  const late = await home.run(["wait", "--timeout", "300ms", "worker"]);
  assert.deepEqual([late.status, late.stdout], [6, ""]);
  assert.match(late.stderr, /^banger: waited 300 ms for worker to end its command\nhint: /);
  assert.equal(await home.ok(["kill", "--signal", "TERM", "worker"]), "worker\n");
  assert.deepEqual((await waiting.ended).stdout, "143\n");
  assert.equal(await home.ok(["wait", "--for", "running", "worker"]), "worker\n");
  await home.ok(["delete", "worker"]);
});

scenario("SIGINT at each stage before ready: status 130, and the host is as before", async () => {
  for (const stage of ["prepare", "boot", "configure"]) {
    const ran = await home.unchangedBy(async () => {
      await using running = home.start([...once, "--", "true"]);
      await running.shows(`banger: ${stage}\n`);
      running.signal("SIGINT");
      return await running.ended;
    });
    assert.deepEqual([ran.status, ran.stdout], [130, ""], `at ${stage}: ${ran.stderr}`);
    assert.match(ran.stderr, /interrupted by SIGINT/);
    assert.deepEqual(await home.json(["list"]), { machines: [] });
  }
});

scenario("signals after ready belong to the command; one that ends it is 128 + its number", async () => {
  const trap = 'trap "echo caught; exit 9" INT; echo up; while :; do sleep 0.1; done';
  await using running = home.start([...once, "-q", "--", "sh", "-c", trap]);
  await running.shows("up\n");
  running.signal("SIGINT");
  const ran = await running.ended;
  assert.deepEqual([ran.status, ran.stdout], [9, "up\ncaught\n"], ran.stderr);
  const killed = await home.run([...once, "-q", "--", "sh", "-c", "kill -TERM $$"]);
  assert.equal(killed.status, 143);
});

scenario("run PATH that is killed while it copies leaves no machine", async () => {
  const project = join(home.directory, "tmp/project");
  await mkdir(project);
  await writeFile(join(project, "large"), Buffer.alloc(100_000_000, 1));
  for (const more of [[], ["--rm"]]) {
    await using running = home.start(["run", ...more, "--image", "minimal", project, "--", "sleep", "3600"]);
    await running.shows("is ready in");
    running.signal("SIGKILL");
    await running.ended;
    await home.until(
      "the end of the machine",
      () => home.ok(["list", "-q"]),
      (names) => names === "",
    );
  }
  await rm(project, { recursive: true });
});

scenario("SIGINT while image and kernel are made leaves no half of them, and no process", async () => {
  const fresh = await Home.make();
  try {
    await cloneTree(downloads, join(fresh.directory, "cache/banger"), "copy");
    await fresh.ok(["daemon", "start"]);
    for (const [argv, stage] of [
      [["run", "--rm", "--image", "minimal", "--", "true"], "install"],
      [["kernel", "pull", "debian"], "extract"],
    ] as const) {
      await using making = fresh.start(argv);
      await making.shows(`banger: ${stage}\n`);
      making.signal("SIGINT");
      assert.equal((await making.ended).status, 130);
      const { processes, files, mounts } = await fresh.traces();
      assert.deepEqual(
        [processes, mounts, files.filter((path) => /(?:images|kernels|machines)\//.test(path))],
        [[], [], []],
      );
    }
  } finally {
    await fresh.close();
  }
});
