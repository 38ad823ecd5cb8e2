import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { findMachine } from "./find-machine.ts";
import { MachineRecord } from "./machine-record.ts";
import type { Machine } from "./vm-store.ts";

function machine(id: string, name: string): Machine {
  const record = MachineRecord.parse({
    ...{ version: 1, id, name, image: { id, name: "i" }, kernel: { id, name: "k" }, vcpus: 1, memoryMib: 512 },
    ...{ diskMib: 64, rootMib: 64, environment: [], ephemeral: false, machineId: "", createdAt: "", run: null },
  });
  return { record, state: "stopped", lastError: null, complete: true };
}

const MACHINES = [
  machine("abc000000001", "beta"),
  machine("abc000000002", "beta-sandbox"),
  machine("xyz000000003", "abc000000001"),
  machine("xyz000000004", "abc"),
];

test("an exact id counts before an exact name, and that before a prefix of an id", () => {
  const idOf = (ref: string) => findMachine(MACHINES, ref).record.id;
  assert.equal(idOf("abc000000001"), "abc000000001");
  assert.equal(idOf("abc"), "xyz000000004");
  assert.equal(idOf("beta"), "abc000000001");
  assert.equal(idOf("xyz000000003".slice(0, 12)), "xyz000000003");
});

test("a name is never completed, a prefix must mean one machine, and both are told apart", () => {
  for (const [ref, wanted] of [
    ["bet", "VM_NOT_FOUND"],
    ["beta-", "VM_NOT_FOUND"],
    ["", "REF_AMBIGUOUS"],
    ["abc0", "REF_AMBIGUOUS"],
    ["xyz", "REF_AMBIGUOUS"],
  ] as const) {
    assert.throws(
      () => findMachine(MACHINES, ref),
      (error) => AppError.is(error, wanted),
    );
  }
  assert.throws(() => findMachine(MACHINES, "abc0"), { message: '"abc0" could be beta or beta-sandbox' });
});
