import assert from "node:assert/strict";
import { test } from "node:test";
import { Interrupts } from "../../terminal/interrupts.ts";
import { World } from "../../testing/world.ts";

const HEAD = [
  "MACHINE",
  "CPU",
  "MEMORY",
  "ROOT",
  "WORK",
  "LOAD",
  "TASKS",
  "UP",
  "HOST CPU",
  "HOST MEMORY",
  "HOST DISK",
];
const ROW = [
  ...["web", "50.0%", "100 MiB of 488 MiB", "1 GiB of 8 GiB", "0 B of 8 GiB", "0.50", "12", "1 min 1 s"],
  ...["75.0%", "200 MiB", "300 MiB"],
];

function cells(line: string | undefined): string[] {
  return (line ?? "").split(/ {2,}/);
}

/** SIGINT when this much was printed. */
function after(times: number): { interrupts: Interrupts; onStdout: () => void } {
  const interrupts = new Interrupts(() => undefined);
  let printed = 0;
  const onStdout = () => {
    printed += 1;
    if (printed === times) interrupts.receive("SIGINT");
  };
  return { interrupts, onStdout };
}

test("without a terminal it is one sample of all that run", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  world.daemon.addMachine("db", { state: "stopped" });
  const { status, stdout } = await world.run(["stats"]);
  const [head, row, ...rest] = stdout.split("\n");
  assert.deepEqual([status, cells(head), cells(row), rest], [0, HEAD, ROW, [""]]);
});

test("a bad ref stops no other", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  world.daemon.addMachine("db", { state: "stopped" });
  const ran = await world.run(["stats", "db", "web", "--json"]);
  const { results } = JSON.parse(ran.stdout);
  assert.equal(ran.status, 5);
  assert.equal(results[0].error.code, "VM_NOT_RUNNING");
  assert.equal(results[1].result.guest.cpuPercent, 50);
});

test("a table of nothing but failures has no head either", async () => {
  await using world = await World.make();
  assert.deepEqual((await world.run(["stats", "nosuch"])).stdout, "");
});

test("at a terminal the table is drawn anew in its place, until a signal", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("web");
  const { status, stdout, stderr } = await world.run(["stats", "web", id], { terminal: { columns: 200 }, ...after(3) });
  assert.deepEqual([status, stderr], [130, ""]);
  const drawn = stdout.split("\x1b[2A\r\x1b[J");
  assert.equal(drawn.length, 3);
  for (const one of drawn) assert.match(one, /^MACHINE .*\nweb +50\.0% .*\n$/);
  const once = await world.run(["stats", "--no-stream"], { terminal: { columns: 200 } });
  assert.deepEqual([once.status, once.stdout.includes("\x1b")], [0, false]);
});

test("--stream --json is a line each time", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const { status, stdout } = await world.run(["stats", "web", "nope", "--stream", "--json"], after(2));
  assert.equal(status, 130);
  for (const line of stdout.trimEnd().split("\n")) {
    const { at, results } = JSON.parse(line);
    assert.equal(at, "2026-01-01T00:01:00.000Z");
    assert.deepEqual([results[0].result.machine.name, results[1].error.code], ["web", "VM_NOT_FOUND"]);
  }
});

test("it ends with the last of the machines that were asked for", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("web");
  const onStdout = () => void world.daemon.machines.delete(id);
  const { status, stderr } = await world.run(["stats", "web", "--stream"], { onStdout });
  assert.deepEqual([status, stderr.split("\n")[0]], [4, 'banger: there is no machine "web"']);
});

test("of --stream and --no-stream the last one counts", async () => {
  await using world = await World.make();
  assert.equal((await world.run(["stats", "--stream", "--no-stream"])).status, 0);
});
