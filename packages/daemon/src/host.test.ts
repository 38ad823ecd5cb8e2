import assert from "node:assert/strict";
import { availableParallelism, totalmem } from "node:os";
import { test } from "node:test";
import { availableMib, readHost } from "./host.ts";

test("the host is told in processors and whole MiB, and gives no more than it has", async () => {
  const { cpus, memoryMib } = readHost();
  assert.equal(cpus, availableParallelism());
  assert.equal(memoryMib, Math.floor(totalmem() / 2 ** 20));
  const available = await availableMib();
  assert.ok(Number.isInteger(available) && available > 0 && available <= memoryMib, `${available} of ${memoryMib} MiB`);
});
