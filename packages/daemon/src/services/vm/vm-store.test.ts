import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { Database } from "../../store/database.ts";
import { MachineRecord } from "./machine-record.ts";
import { VmStore } from "./vm-store.ts";

let directory: string;
let database: Database;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-store-"));
  database = Database.open(join(directory, "banger.db"));
});
afterEach(() => {
  database[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

function record(id: string, name: string): MachineRecord {
  return MachineRecord.parse({
    ...{ version: 1, id, name, image: { id, name: "i" }, kernel: { id, name: "k" }, vcpus: 1, memoryMib: 512 },
    ...{ diskMib: 64, rootMib: 64, environment: [], ephemeral: false, machineId: "", createdAt: "", run: null },
  });
}

const [A, B, C] = [record("aaa000000001", "a"), record("bbb000000002", "b"), record("ccc000000003", "c")];
const made = { state: "stopped", complete: true } as const;

test("what is read is what the rows say, in their order, through every write", () => {
  const store = new VmStore(database);
  const sameAsRows = () => assert.deepEqual(store.list(), new VmStore(database).list());
  for (const one of [B, A, C]) store.insert(one, made);
  sameAsRows();
  store.update(A.id, { state: "failed", lastError: { code: "X", message: "y" }, record: { ...A, vcpus: 2 } });
  sameAsRows();
  assert.deepEqual([store.get(A.id)?.record.vcpus, store.named("a")?.state], [2, "failed"]);
  store.delete(B.id);
  sameAsRows();
  store.insert(B, made);
  sameAsRows();
  assert.deepEqual(
    store
      .list()
      .map((one) => one.record.name)
      .toSorted(),
    ["a", "b", "c"],
  );
});

test("a write that fails changes nothing", () => {
  const store = new VmStore(database);
  store.insert(A, made);
  assert.throws(
    () => store.insert({ ...B, name: A.name }, made),
    (error) => AppError.is(error, "NAME_TAKEN"),
  );
  assert.deepEqual(
    store.list().map(({ record: { id } }) => id),
    [A.id],
  );
  assert.equal(store.get(B.id), undefined);
});

test("on a full disk nothing new is taken, but what has happened is so, and is written with the next change", () => {
  const store = new VmStore(database);
  store.insert(A, { ...made, state: "running" });
  database.run("PRAGMA max_page_count = 1"); // as many as there are
  const died = { state: "failed", lastError: { code: "VMM_DIED", message: "x".repeat(50_000) } } as const;
  assert.throws(
    () => store.update(A.id, died),
    (error) => AppError.is(error, "DISK_FULL"),
  );
  assert.equal(store.get(A.id)?.state, "running");
  store.observe(A.id, died);
  assert.deepEqual([store.get(A.id)?.state, new VmStore(database).get(A.id)?.state], ["failed", "running"]);
  database.run("PRAGMA max_page_count = 1000");
  store.update(A.id, { record: { ...A, vcpus: 2 } });
  assert.deepEqual(store.list(), new VmStore(database).list());
  assert.equal(store.get(A.id)?.state, "failed");
});
