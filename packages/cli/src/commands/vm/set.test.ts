import assert from "node:assert/strict";
import { test } from "node:test";
import { VmView } from "@banger/contract/daemon/vm";
import { World } from "../../testing/world.ts";

test("set tells what holds from the next start, and refuses to change nothing", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("web");
  const ran = await world.run(["set", "web", "--vcpu", "4", "--memory", "2G", "--disk", "20G"]);
  const said = "banger: web has 4 processors and 2 GiB of memory from its next start\n";
  assert.deepEqual(ran, { status: 0, stdout: "web\n", stderr: said });
  assert.deepEqual(world.daemon.callsOf("vm.set"), [{ ref: "web", vcpus: 4, memoryMib: 2048, diskMib: 20_480 }]);
  const { results } = JSON.parse((await world.run(["set", "web", "--vcpu", "2", "--json"])).stdout);
  assert.deepEqual([results[0].ref, VmView.parse(results[0].result).nextStart], ["web", { vcpus: 2 }]);
  assert.equal((await world.run(["set", "-q", "web", "--vcpu", "2"])).stderr, "");
  assert.doesNotMatch((await world.run(["set", "--help"])).stdout, /default/); // what is not given stays as it is
  const nothing = await world.run(["set", "web"]);
  assert.deepEqual([nothing.status, nothing.stderr.split("\n")[0]], [2, "banger: set needs something to change"]);
  assert.deepEqual(await world.run(["rename", id, "shop"]), { status: 0, stdout: "shop\n", stderr: "" });
  assert.equal((await world.run(["rename", "shop", "Not-A-Name"])).status, 2);
});

test("--unset takes variables away; one that is set as well, or is no name, is refused", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web", { variables: ["A", "B", "C"] });
  const { status, stdout } = await world.run(["set", "web", "--unset", "A", "--unset=C", "-e", "D=1", "--json"]);
  assert.deepEqual([status, JSON.parse(stdout).results[0].result.variables], [0, ["B", "D"]]);
  assert.deepEqual(world.daemon.callsOf("vm.set"), [{ ref: "web", environment: ["D=1"], unset: ["A", "C"] }]);
  for (const [words, said] of [
    [["--env", "A=1", "--unset", "A"], "set takes --env A or --unset A, not both"],
    [["--unset", "A=1"], '--unset "A=1" is not the name of a variable'],
    [["--unset", ""], '--unset "" is not the name of a variable'],
  ] as const) {
    const ran = await world.run(["set", "web", ...words]);
    assert.deepEqual([ran.status, ran.stderr.split("\n")[0]], [2, `banger: ${said}`]);
  }
  assert.equal(world.daemon.callsOf("vm.set").length, 1);
});

test("show tells what the next start changes, and names variables, never their values", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web", { nextStart: { vcpus: 4, memoryMib: 2048 }, variables: ["A", "TOKEN"] });
  const { stdout } = await world.run(["show", "web"]);
  assert.match(stdout, /^Processors: +1; 4 from the next start\nMemory: +512 MiB; 2 GiB from the next start$/m);
  assert.match(stdout, /^Variables: +A, TOKEN$/m);
  assert.doesNotMatch((await world.run(["show", "-q", "web"])).stdout, /Variables/);
});
