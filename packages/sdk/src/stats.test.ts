import assert from "node:assert/strict";
import { test } from "node:test";
import { statsBetween } from "./stats.ts";
import { sampleMachine, sampleStats } from "./testing/sample-views.ts";

const machine = { ...sampleMachine("web"), vcpus: 2 };

test("percentages are of one processor, between two samples", () => {
  const { guest, host } = statsBetween(sampleStats(machine, 1), sampleStats(machine, 2));
  assert.deepEqual([guest?.cpuPercent, host.cpuPercent], [100, 75]);
});

test("without a sample before, or after a new start, they are not known", () => {
  for (const before of [undefined, sampleStats(machine, 3)]) {
    const { guest, host } = statsBetween(before, sampleStats(machine, 2));
    assert.deepEqual([guest?.cpuPercent, host.cpuPercent], [null, null]);
  }
  assert.equal(statsBetween(sampleStats(machine, 1), { ...sampleStats(machine, 2), guest: null }).guest, null);
});

test("a guest that claims more than all its time is shown with all of it", () => {
  const [before, after] = [sampleStats(machine, 1), sampleStats(machine, 2)];
  const lying = { ...after, guest: after.guest && { ...after.guest, cpu: { busyMs: 9_000, totalMs: 2_000 } } };
  assert.equal(statsBetween(before, lying).guest?.cpuPercent, 200);
});
