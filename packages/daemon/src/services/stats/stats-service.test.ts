import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { FakeProcesses } from "@banger/platform/process/processes-fake";
import { systemClock } from "@banger/platform/time/clock";
import { GuestChannel } from "../guest/channel/guest-channel.ts";
import { MachineRecord } from "../vm/machine-record.ts";
import { StatsService } from "./stats-service.ts";

const id = "abc000000001";
const record = MachineRecord.parse({
  ...{ version: 1, id, name: "web", image: { id, name: "i" }, kernel: { id, name: "k" }, vcpus: 1, memoryMib: 512 },
  ...{ diskMib: 64, rootMib: 64, environment: [], ephemeral: false, machineId: "", createdAt: "", run: null },
});

test("a guest that does not answer keeps nobody from what the host sees", async () => {
  const processes = new FakeProcesses();
  const vmm = processes.start(["a VMM"]);
  const [end] = duplexPair(); // nobody is at the other one
  await using guest = GuestChannel.open({
    ...{ connect: () => Promise.resolve(end), session: randomBytes(16), build: "0.0.0+test" },
  });
  const isolation = { namespaces: [], reason: null };
  const handles = { driver: "fake" as const, nonce: "n", launcher: vmm, vmm, isolation };
  const machine = { record, state: "running" as const, lastError: null, complete: true };
  const unused = () => assert.fail();
  const stats = new StatsService({
    vm: { find: () => machine, whyCut: unused },
    live: new Map([
      [
        record.id,
        {
          guest,
          process: {
            ...{ handles, exited: new Promise(() => undefined), connectAgent: unused, pause: unused },
            ...{ resume: unused, hold: unused, resizeDisk: unused, kill: unused, [Symbol.asyncDispose]: unused },
          },
        },
      ],
    ]),
    ...{ processes, machines: "/nonexistent", clock: systemClock, guestMs: 1 },
  });
  const sample = await stats.sample("web", { signal: new AbortController().signal });
  assert.deepEqual([sample.guest, sample.host], [null, { residentBytes: 2 ** 27, cpuMs: 500, diskBytes: 0 }]);
});
