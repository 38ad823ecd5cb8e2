import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOrder, moduleName, WANTED_MODULES } from "./module-order.ts";

const DEP = `kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/virtio/virtio_ring.ko.xz:
kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/char/hw_random/rng-core.ko kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/char/hw_random/rng-core.ko:
`;

test("each module comes after what it needs, once, and built-in ones are left out", () => {
  const wanted = [
    { name: "virtio_rng", need: "if-there" },
    { name: "virtio", need: "required" },
    { name: "ext4", need: "required" },
    { name: "not_there", need: "if-there" },
  ] as const;
  assert.deepEqual(loadOrder(wanted, { dep: DEP, builtin: "kernel/fs/ext4/ext4.ko\n" }).map(moduleName), [
    "virtio_ring",
    "virtio",
    "rng_core",
    "virtio_rng",
  ]);
});

test("a kernel without a disk driver is refused, by name", () => {
  assert.throws(() => loadOrder(WANTED_MODULES, { dep: DEP, builtin: "" }), {
    code: "BUILD_FAILED",
    message: /virtio_mmio/,
  });
});
