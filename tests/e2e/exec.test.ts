/** `banger exec` in one running machine: terminals, users, much output, many at once, and clients that do not read. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Command } from "../harness/command.ts";
import { product } from "../harness/home.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

const MIB = 2 ** 20;

scenario("exec runs a command with its arguments as they are, and passes its status on", async () => {
  await home.ok(["run", "-dq", "--name", "box", "--image", "minimal", "--env", "MACHINE=1"]);
  assert.equal(
    await home.ok(["exec", "box", "printf", "<%s>", "a b", "", "$HOME", "--", "-x"]),
    "<a b><><$HOME><--><-x>",
  );
  assert.equal(await home.ok(["exec", "box", "--", "echo", "behind dashes"]), "behind dashes\n");
  assert.equal((await home.run(["exec", "box", "sh", "-c", "exit 3"])).status, 3);
  assert.equal((await home.run(["exec", "box", "sh", "-c", "kill -KILL $$"])).status, 137);
  assert.equal((await home.run(["exec", "box", "nothing-like-it"])).status, 127);
  assert.equal((await home.run(["exec", "nobody", "true"])).status, 125);
});

scenario("user, directory and environment are those that were asked for", async () => {
  const argv = ["exec", "-u", "nobody", "-w", "/tmp", "-e", "ONE=1 and a half", "-e", "LENT", "box"];
  const script = 'id -un; pwd; echo "$ONE|$LENT|$MACHINE"';
  assert.equal(
    await home.ok([...argv, "sh", "-c", script], { env: { LENT: "by the client" } }),
    "nobody\n/tmp\n1 and a half|by the client|1\n",
  );
  assert.equal(await home.ok(["exec", "box", "sh", "-c", 'id -un; echo "$PWD $HOME"']), "root\n/root /root\n");
  await home.ok(["set", "box", "--unset", "MACHINE"]);
  assert.equal(await home.ok(["exec", "box", "sh", "-c", 'echo "$MACHINE $HOME"']), " /root\n");
  for (const wrong of [
    ["-u", "no-such-user"],
    ["-w", "/no/such/directory"],
  ]) {
    const ran = await home.run(["exec", ...wrong, "box", "echo", "ran"]);
    assert.deepEqual([ran.status, ran.stdout], [126, ""], wrong.join(" "));
    assert.match(ran.stderr, /^banger: .*no such.*\nhint: .*\n$/i);
  }
});

scenario("a path in a machine is completed by what lies there", async () => {
  const ask = () => home.ok(["__complete", "cp", "box:/et"]);
  await home.until("an answer within 80 ms", ask, (said) => said === "none\nbox:/etc/\t\n");
});

scenario("input reaches a command only with -i, and ends where ours does", async () => {
  assert.equal(await home.ok(["exec", "box", "wc", "-c"], { stdin: "unseen" }), "0\n");
  assert.equal(await home.ok(["exec", "-i", "box", "wc", "-c"], { stdin: Buffer.alloc(3 * MIB, 7) }), `${3 * MIB}\n`);
  await using cat = home.start(["exec", "-i", "box", "cat"], { stdin: "pipe" });
  cat.stdin.write("first\n");
  await cat.shows("first\n");
  cat.stdin.end("last\n");
  assert.deepEqual((({ status, stdout }) => [status, stdout])(await cat.ended), [0, "first\nlast\n"]);
});

scenario("50 MB come out whole, piece by piece as the guest wrote them", async () => {
  const script = `head -c 2000000 /dev/urandom >/run/piece; sha256sum </run/piece >&2
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do cat /run/piece; done`;
  const { status, bytes, stderr } = await home.run(["exec", "box", "sh", "-c", script]);
  assert.deepEqual([status, bytes.length], [0, 50_000_000]);
  const sums = Array.from({ length: 25 }, (_, piece) => {
    return createHash("sha256")
      .update(bytes.subarray(piece * 2_000_000, (piece + 1) * 2_000_000))
      .digest("hex");
  });
  assert.deepEqual(new Set(sums), new Set([stderr.split(" ")[0]]));
});

scenario("20 at once each get their own", async () => {
  const words = Array.from({ length: 20 }, (_, index) => `number ${index}`);
  const script = 'head -c 200000 /dev/zero; echo "$0"; exit 9';
  const all = await Promise.all(words.map((word) => home.run(["exec", "box", "sh", "-c", script, word])));
  all.forEach(({ status, bytes, stderr }, index) => {
    const word = words[index] ?? "";
    assert.deepEqual([status, bytes.length, stderr], [9, 200_001 + word.length, ""]);
    assert.equal(bytes.subarray(200_000).toString(), `${word}\n`);
  });
});

scenario("a client that never reads stops its own command and disturbs nobody", async () => {
  await using deaf = home.start(["exec", "box", "sh", "-c", "echo begun >&2; exec cat /dev/zero"]);
  deaf.stdout.pause();
  await deaf.shows("begun");
  const script = "head -c 8000000 /dev/zero | wc -c; head -c 5000000 /dev/zero";
  for (let i = 0; i < 3; i += 1) {
    const { status, bytes } = await home.run(["exec", "box", "sh", "-c", script], { deadlineMs: 30_000 });
    assert.deepEqual([status, bytes.length], [0, 5_000_008]);
  }
});

scenario("a command whose client is killed is hung up", async () => {
  await using left = home.start(["exec", "box", "sh", "-c", "echo $$; exec sleep 3600"]);
  await left.shows(/^\d+\n/);
  left.signal("SIGKILL");
  const pid = (await left.ended).stdout.trim();
  const isThere = () => home.run(["exec", "box", "sh", "-c", `kill -0 ${pid}`]);
  await home.until("the end of the command", isThere, ({ status }) => status !== 0);
});

scenario(
  "exec -it: the guest's terminal has our size, follows it, gets our keys, and ours is mended afterwards",
  async () => {
    const inGuest =
      'test -t 0 && test -t 2 && stty size; trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done';
    const [node, start] = product;
    const line = `tty; stty rows 33 cols 101
    "$NODE" "$START" exec -it box sh -c '${inGuest}'; status=$?
    stty -a | grep -q ' icanon' && echo mended
    exit $status`;
    const env = { ...home.env, SHELL: "/bin/sh", NODE: node, START: start };
    await using terminal = new Command(["script", "-qec", line, "/dev/null"], { env, stdin: "pipe" });
    const [ours = ""] = await terminal.shows(/\/dev\/pts\/\d+/);
    await terminal.shows(/33 101\r\nready/);
    await new Command(["stty", "-F", ours, "rows", "44", "cols", "120"], { env }).ended;
    await terminal.shows("44 120");
    terminal.stdin.write("\x03");
    const { status, stdout } = await terminal.ended;
    assert.deepEqual([status, stdout.endsWith("mended\r\n")], [130, true], stdout);
  },
);

scenario("exec -it without a terminal is refused; -t alone gives the command one", async () => {
  const refused = await home.run(["exec", "-it", "box", "true"]);
  assert.deepEqual([refused.status, refused.stdout], [125, ""]);
  assert.equal(
    await home.ok(["exec", "-t", "box", "sh", "-c", "test -t 1 && echo out; echo err >&2"]),
    "out\r\nerr\r\n",
  );
});
