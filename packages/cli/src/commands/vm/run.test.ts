import assert from "node:assert/strict";
import { test } from "node:test";
import { Interrupts } from "../../terminal/interrupts.ts";
import { World } from "../../testing/world.ts";

test("run -- CMD: its output, its status, and the machine stays", async () => {
  await using world = await World.make();
  const ran = await world.run(["run", "--name", "web", "--", "echo", "a b", ""]);
  assert.deepEqual([ran.status, ran.stdout], [0, "a b \n"]);
  assert.equal(ran.stderr, "banger: vm.create\nbanger: web is ready in 0 ms\n");
  assert.equal(world.daemon.machines.size, 1);
  assert.equal((await world.run(["run", "-q", "--", "exit", "7"])).status, 7);
  assert.equal((await world.run(["exec", "web", "kill", "9"])).status, 137);
});

test("run --rm: the machine is gone before we are, whatever became of the command", async () => {
  await using world = await World.make();
  for (const [words, status] of [
    [["exit", "7"], 7],
    [["kill", "15"], 143],
    [["nothing-like-it"], 127],
    [["denied"], 126],
  ] as const) {
    assert.equal((await world.run(["run", "--rm", "--", ...words])).status, status);
    assert.equal(world.daemon.machines.size, 0);
  }
});

test("stdin goes in, its end too, and both outputs come out apart", async () => {
  await using world = await World.make();
  assert.equal((await world.run(["run", "-q", "--rm", "--", "cat"], { stdin: "a\0b\n" })).stdout, "a\0b\n");
  const ran = await world.run(["run", "-q", "--rm", "--", "complain", "loudly"]);
  assert.deepEqual(ran, { status: 1, stdout: "", stderr: "loudly\n" });
});

test("run without a command is a shell that reads standard input", async () => {
  await using world = await World.make();
  assert.deepEqual(await world.run(["run", "-q"], { stdin: "echo hello\nexit 3\n" }), {
    ...{ status: 3, stdout: "hello\n", stderr: "" },
  });
});

test("run -d prints the name, and leaves the command to the machine", async () => {
  await using world = await World.make();
  const ran = await world.run(["run", "-dq", "--name", "web", "--", "sleep", "9"]);
  assert.deepEqual(ran, { status: 0, stdout: "web\n", stderr: "" });
  const [detached] = world.daemon.callsOf("exec.detach");
  assert.deepEqual(Reflect.get(Object(detached), "argv"), ["sleep", "9"]);
});

test("a signal before ready takes everything back, waits for that, and exits with 128 + its number", async () => {
  await using world = await World.make();
  world.daemon.createGate = new Promise(() => undefined);
  const undo = Promise.withResolvers<void>();
  world.daemon.undoGate = undo.promise;
  const interrupts = new Interrupts(() => undefined);
  const running = world.run(["run", "--name", "web", "--", "true"], { interrupts });
  await world.daemon.created;
  interrupts.receive("SIGTERM");
  assert.equal(world.daemon.machines.size, 1);
  undo.resolve();
  const ran = await running;
  assert.deepEqual([ran.status, ran.stdout, world.daemon.machines.size], [143, "", 0]);
  assert.match(ran.stderr, /^banger: vm.create\nbanger: interrupted by SIGTERM\nhint: Nothing was left behind.\n$/);
});

test("a signal between ready and the command takes the machine back too, kept or not", async () => {
  for (const flags of [[], ["--rm"]]) {
    await using world = await World.make();
    world.daemon.execGate = new Promise(() => undefined);
    const interrupts = new Interrupts(() => undefined);
    const running = world.run(["run", "-q", ...flags, "--", "true"], { interrupts });
    await world.daemon.asked;
    interrupts.receive("SIGINT");
    const ran = await running;
    assert.deepEqual([ran.status, world.daemon.machines.size], [130, 0]);
    assert.match(ran.stderr, /^banger: interrupted by SIGINT\n/);
  }
});

test("a second signal does not wait", async () => {
  let gaveUp: number | undefined;
  const interrupts = new Interrupts((status) => {
    gaveUp = status;
  });
  interrupts.receive("SIGINT");
  assert.equal(gaveUp, undefined);
  interrupts.receive("SIGINT");
  assert.equal(gaveUp, 130);
});

test("a name that is taken is told, and nothing is made", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const ran = await world.run(["run", "--name", "web", "--", "true"]);
  assert.deepEqual([ran.status, world.daemon.machines.size], [125, 1]);
  assert.match(ran.stderr, /^banger: the name web is taken\nhint: /);
});
