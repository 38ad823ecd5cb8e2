import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFields, encodeFields } from "@banger/contract/guest/fields";
import { guestVerbs } from "@banger/contract/guest/messages";
import fc from "fast-check";
import { guestSample } from "./guest-sample.ts";

const machine = { vcpus: 2, memoryMib: 512, diskMib: 100, rootMib: 1000 };
const MIB = 2 ** 20;
const honest = {
  ...{ uptime: 9_000, load1: 150, load5: 20, load15: 0, memoryTotal: 480 * MIB, memoryAvailable: 380 * MIB },
  ...{ cpuBusy: 5_000, cpuTotal: 18_000, processes: 7 },
  disk: [
    { mount: "/", size: 900 * MIB, free: 300 * MIB, inodes: 1, inodesFree: 1 },
    { mount: "/root", size: 90 * MIB, free: 90 * MIB, inodes: 1, inodesFree: 1 },
  ],
};

function said(change: Partial<typeof honest>) {
  const { answer } = guestVerbs.stats;
  return decodeFields(answer, encodeFields(answer, { ...honest, ...change }));
}

test("what an honest guest says is told as it is", () => {
  assert.deepEqual(guestSample(said({}), machine, 10_000), {
    ...{ uptimeMs: 9_000, load: [1.5, 0.2, 0], processes: 7, memory: { used: 100 * MIB, total: 480 * MIB } },
    ...{ root: { used: 600 * MIB, total: 900 * MIB }, work: { used: 0, total: 90 * MIB } },
    cpu: { busyMs: 5_000, totalMs: 18_000 },
  });
});

test("a disk that it does not tell of is unknown", () => {
  assert.equal(guestSample(said({ disk: [] }), machine, 10_000).root, null);
});

test("whatever it says, no number is more than it was given", () => {
  const number = fc.maxSafeNat();
  const disk = fc.record({
    ...{ mount: fc.constantFrom("/", "/root", "/\x1b[31m"), size: number, free: number },
    ...{ inodes: number, inodesFree: number },
  });
  const claims = fc.record({
    ...{ uptime: number, load1: number, load5: number, load15: number, memoryTotal: number },
    ...{ memoryAvailable: number, cpuBusy: number, cpuTotal: number, processes: number },
    disk: fc.array(disk, { maxLength: 5 }),
  });
  fc.assert(
    fc.property(claims, fc.integer({ min: -1_000, max: 1e9 }), (claim, aliveMs) => {
      const { uptimeMs, load, processes, memory, root, work, cpu } = guestSample(said(claim), machine, aliveMs);
      const lived = Math.max(0, aliveMs);
      assert.ok(uptimeMs >= 0 && uptimeMs <= lived);
      for (const value of load) assert.ok(value >= 0 && value <= 1e6);
      assert.ok(processes <= 2 ** 22);
      for (const [space, mib] of [
        [memory, 512],
        [root, 1000],
        [work, 100],
      ] as const)
        assert.ok(!space || (space.used >= 0 && space.used <= space.total && space.total <= mib * MIB));
      assert.ok(cpu.busyMs <= cpu.totalMs && cpu.totalMs <= lived * 2);
    }),
  );
});
