import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateParams } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { ImageId, KernelId, VmId } from "@banger/contract/ids";
import { NAME_PATTERN } from "@banger/contract/names";
import fc from "fast-check";
import { defaultSizing, newMachine } from "./new-machine.ts";
import { pleasantName } from "./pleasant-name.ts";

const booting = { id: VmId.parse("m".repeat(12)), signal: new AbortController().signal, onStage: () => undefined };

function maker(taken: ReadonlySet<string>) {
  const asked: string[] = [];
  let random = 0;
  const make = newMachine({
    host: { cpus: 16, memoryMib: 65_536 },
    image: (ref) => {
      asked.push(ref);
      return Promise.resolve({ id: ImageId.parse("i".repeat(12)), name: ref });
    },
    kernel: (ref) => {
      asked.push(ref);
      return Promise.resolve({ id: KernelId.parse("k".repeat(12)), name: ref });
    },
    isTaken: (name) => taken.has(name),
    randomHex: (bytes) => (random++).toString(16).padStart(bytes * 2, "0"),
    now: () => 0,
  });
  return { make, asked };
}

test("defaults: the default image and kernel, a quarter of the host's processors, an eighth of its memory", async () => {
  const { make, asked } = maker(new Set());
  const record = await make(CreateParams.parse({}), booting);
  assert.deepEqual(asked, ["debian-bookworm", "debian"]);
  assert.deepEqual([record.vcpus, record.memoryMib, record.diskMib], [4, 8192, 8192]);
  assert.match(record.machineId, /^[0-9a-f]{32}$/);
});

test("sizing stays within its bounds on every host", () => {
  fc.assert(
    fc.property(fc.nat({ max: 1024 }), fc.nat({ max: 1 << 24 }), (cpus, memoryMib) => {
      const sizing = defaultSizing({ cpus, memoryMib });
      assert.ok(sizing.vcpus >= 1 && sizing.vcpus <= 4);
      assert.ok(sizing.memoryMib >= 512 && sizing.memoryMib <= 8192);
    }),
  );
});

test("what is asked for is what it gets", async () => {
  const { make, asked } = maker(new Set());
  const params = { name: "web", image: "minimal", kernel: "own", vcpus: 3, memoryMib: 700, diskMib: 900 };
  const record = await make(CreateParams.parse({ ...params, environment: ["A=1"], ephemeral: true }), booting);
  assert.deepEqual(asked, ["minimal", "own"]);
  assert.deepEqual([record.name, record.vcpus, record.memoryMib, record.diskMib], ["web", 3, 700, 900]);
  assert.deepEqual([record.environment, record.ephemeral, record.run], [["A=1"], true, null]);
});

test("a name that is taken is refused before anything is built; a made one is never taken", async () => {
  const { make, asked } = maker(new Set([pleasantName(0), pleasantName(1), "web"]));
  await assert.rejects(make(CreateParams.parse({ name: "web" }), booting), (error) => AppError.is(error, "NAME_TAKEN"));
  assert.deepEqual(asked, []);
  assert.equal((await make(CreateParams.parse({}), booting)).name, pleasantName(2));
});

test("a machine that can never fit on the host is refused before anything is built", async () => {
  const { make, asked } = maker(new Set());
  const refused = make(CreateParams.parse({ memoryMib: 65_536 }), booting);
  await assert.rejects(refused, (error) => AppError.is(error, "MEMORY_SHORT"));
  assert.deepEqual(asked, []);
});

test("every made name is a name", () => {
  fc.assert(fc.property(fc.nat({ max: 0xff_ffff }), (seed) => assert.match(pleasantName(seed), NAME_PATTERN)));
});
