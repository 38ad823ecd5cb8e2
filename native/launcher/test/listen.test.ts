/** Sockets that the launcher makes and the VMM gets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Machine, users } from "./harness.ts";

const answer = "exec 9<&4; printf ready; sleep 1000";

for (const user of users) {
  test(`a client can connect as soon as the launcher has reported (as ${user})`, async () => {
    using machine = new Machine(user);
    machine.start(answer, ["--isolate", "auto", "--listen", "one.sock", "--listen", "two.sock"]);
    for (const name of ["one.sock", "two.sock"]) {
      assert.equal(statSync(join(machine.dir, name)).mode & 0o777, 0o600);
      const client = connect(join(machine.dir, name));
      await once(client, "connect");
      client.destroy();
    }
  });
}

test("the VMM has its sockets as descriptors 4 and 5, in order", async () => {
  using machine = new Machine();
  const list = "for fd in 4 5 6; do readlink /proc/self/fd/$fd | cut -d: -f1; done";
  machine.start(list, ["--listen", "a.sock", "--listen", "b.sock"]);
  await machine.exit();
  assert.equal(machine.read("console.log"), "socket\nsocket\n");
});

test("an old socket of the name is replaced, and nothing is left of a start that fails", () => {
  using machine = new Machine();
  writeFileSync(join(machine.dir, "old.sock"), "");
  assert.equal(machine.attempt(["/nonexistent"], ["--listen", "old.sock"]).status, 1);
  assert.deepEqual(readdirSync(machine.dir), ["lock"]);
});

test("a directory whose path is too long for an address is fine", async () => {
  using machine = new Machine();
  const deep = join(machine.dir, "d".repeat(120));
  mkdirSync(deep);
  const { status } = machine.attempt(["/bin/sh", "-c", "exit 0"], ["--dir", deep, "--listen", "far.sock"]);
  assert.equal(status, 0);
  assert.ok(statSync(join(deep, "far.sock")).isSocket());
});

test("names that could leave the directory, and too many of them, are refused", () => {
  using machine = new Machine();
  const tooMany = ["a", "b", "c", "d", "e"].flatMap((name) => ["--listen", name]);
  for (const bad of [["--listen", "../x"], ["--listen", ""], ["--listen", ".hidden"], ["--listen", "a/b"], tooMany]) {
    assert.equal(machine.attempt(["/bin/true"], bad).status, 2, bad.join(" "));
  }
});
