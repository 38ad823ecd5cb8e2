import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Jail, SnapshotDevice, Tap, tapName } from "./privileged-ops.ts";

const machine = "0123456789ab";

test("a tap's name fits the kernel's limit, and tells installation and slot", () => {
  assert.equal(tapName("a1b2", 7), "ba1b2-7");
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-z]{4}$/), fc.integer({ min: 0, max: 9_999_999 }), (installation, slot) => {
      assert.ok(tapName(installation, slot).length <= 15);
    }),
  );
});

test("names that could mean another installation's, or something else, are refused", () => {
  for (const installation of ["", "abc", "abcde", "ab-d", "AB12", "a/b1"])
    assert.throws(() => tapName(installation, 0));
  for (const slot of [-1, 1.5, Number.NaN, 10_000_000]) assert.throws(() => tapName("a1b2", slot));
});

test("what root is asked for is checked whole: no root jail, no odd device, nothing unknown", () => {
  assert.ok(Tap.safeParse({ machine, slot: 1, uid: 1000, address: "172.16.0.2" }).success);
  assert.ok(!Tap.safeParse({ machine, slot: 1, uid: 1000, address: "172.16.0.256" }).success);
  assert.ok(!Tap.safeParse({ machine: "../../etc", slot: 1, uid: 1000, address: "172.16.0.2" }).success);
  assert.ok(!Jail.safeParse({ machine, uid: 0, gid: 1 }).success);
  assert.ok(!SnapshotDevice.safeParse({ machine, image: machine, sizeBytes: 1000 }).success);
  assert.ok(!SnapshotDevice.safeParse({ machine, image: machine, sizeBytes: 1024, path: "/dev/sda" }).success);
});
