import assert from "node:assert/strict";
import { test } from "node:test";
import { VmId } from "@banger/contract/ids";
import fc from "fast-check";
import type { VmmSpec } from "../driver.ts";
import { qemuArgv } from "./argv.ts";

const SPEC: VmmSpec = {
  id: VmId.parse("abcdefghijkl"),
  directory: "/state/machines/abcdefghijkl",
  nonce: "bng-1",
  vcpus: 2,
  memoryMib: 512,
  kernel: { path: "/kernels/vmlinuz", initramfs: "/initramfs.cpio" },
  commandLine: ["root=/dev/vda", "rw"],
  disks: [
    { path: "/m/root.qcow2", format: "qcow2", readonly: false },
    { path: "/m/work.ext4", format: "raw", readonly: false },
    { path: "/k/modules.ext4", format: "raw", readonly: true },
  ],
  accelerator: "tcg",
  network: "shut",
};

function argvOf(change: Partial<VmmSpec> = {}, tscKhz: number | undefined = 2_400_000): readonly string[] {
  return qemuArgv({ ...SPEC, ...change }, { binary: "qemu-system-x86_64", tscKhz });
}

/** All values that follow an option, in order. */
function values(argv: readonly string[], option: string): readonly string[] {
  return argv.flatMap((word, index) => (word === option ? [argv[index + 1] ?? ""] : []));
}

test("nothing that was not asked for: no default devices, no configuration of the user, no display, no reboot", () => {
  const argv = argvOf();
  for (const option of ["-nodefaults", "-no-user-config", "-no-reboot"]) assert.ok(argv.includes(option), option);
  assert.deepEqual(values(argv, "-display"), ["none"]);
  assert.ok(values(argv, "-M")[0]?.startsWith("microvm,acpi=on,x-option-roms=off"));
});

test("the whole sandbox", () => {
  const denied = ["obsolete", "elevateprivileges", "spawn", "resourcecontrol"].map((what) => `${what}=deny`);
  assert.deepEqual(values(argvOf(), "-sandbox"), [["on", ...denied].join(",")]);
});

test("a shut network is restricted, and none has no device at all", () => {
  assert.deepEqual(values(argvOf(), "-netdev"), ["user,id=net,restrict=on"]);
  const none = argvOf({ network: "none" });
  assert.deepEqual(values(none, "-netdev"), []);
  assert.ok(!none.join(" ").includes("virtio-net"));
  assert.ok(!argvOf().join(" ").includes("hostfwd"));
});

test("disks come in the order of the specification, which is that of vda, vdb and vdc", () => {
  const argv = argvOf();
  const devices = values(argv, "-device").filter((device) => device.startsWith("virtio-blk-device"));
  assert.deepEqual(
    devices,
    ["disk0", "disk1", "disk2"].map((disk) => `virtio-blk-device,drive=${disk}`),
  );
  const block = values(argv, "-blockdev");
  for (const [index, { path, format, readonly }] of SPEC.disks.entries()) {
    const [file = "", formatted = ""] = block.slice(index * 2);
    assert.ok(file.startsWith(`driver=file,filename=${path},node-name=disk${index}-file`), file);
    assert.ok(formatted.startsWith(`driver=${format},file=disk${index}-file,node-name=disk${index}`), formatted);
    for (const option of [file, formatted]) assert.ok(option.includes(`read-only=${readonly ? "on" : "off"}`));
  }
});

test("a path is one value whatever it holds: commas are doubled", () => {
  const path = "/m/a,readonly=on,b/root.qcow2";
  const [file] = values(argvOf({ disks: [{ path, format: "raw", readonly: false }] }), "-blockdev");
  assert.ok(file?.includes("filename=/m/a,,readonly=on,,b/root.qcow2,node-name=disk0-file"), file);
});

test("any path comes back when QEMU's rule is applied: a doubled comma is one, a single one ends the value", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      const path = `/m/${name}`;
      const [file = ""] = values(argvOf({ disks: [{ path, format: "raw", readonly: true }] }), "-blockdev");
      const escaped = file.slice("driver=file,filename=".length, file.lastIndexOf(",node-name=disk0-file,"));
      assert.equal(escaped.replaceAll(",,", ","), path);
      assert.doesNotMatch(escaped.replaceAll(",,", ""), /,/);
    }),
  );
});

test("sockets are inherited, never opened by name; the console is standard output", () => {
  const chardevs = values(argvOf(), "-chardev");
  assert.deepEqual(chardevs, [
    "stdio,id=console,signal=off",
    "socket,id=qmp,fd=4,server=on,wait=off",
    "socket,id=agent,fd=5,server=on,wait=off",
  ]);
  assert.ok(argvOf().includes("virtserialport,bus=serial.0,chardev=agent,name=banger.agent.0"));
});

test("emulation uses every thread and is told the host's clock rate; hardware is left its own", () => {
  const tcg = argvOf();
  assert.deepEqual([values(tcg, "-accel"), values(tcg, "-cpu")], [["tcg,thread=multi"], ["max,erms=off,fsrm=off"]]);
  assert.match(values(tcg, "-append")[0] ?? "", / tsc=nowatchdog tsc_early_khz=2400000 root=\/dev\/vda rw$/);
  const kvm = argvOf({ accelerator: "kvm" });
  assert.deepEqual([values(kvm, "-accel"), values(kvm, "-cpu")], [["kvm"], ["host"]]);
  assert.doesNotMatch(values(kvm, "-append")[0] ?? "", /tsc_early_khz/);
  assert.doesNotMatch(values(qemuArgv(SPEC, { binary: "q", tscKhz: undefined }), "-append")[0] ?? "", /tsc_early_khz/);
});

test("size and kernel", () => {
  const argv = argvOf();
  assert.deepEqual([values(argv, "-smp"), values(argv, "-m")], [["2"], ["512M"]]);
  assert.deepEqual([values(argv, "-kernel"), values(argv, "-initrd")], [["/kernels/vmlinuz"], ["/initramfs.cpio"]]);
  assert.match(values(argv, "-append")[0] ?? "", /^console=ttyS0 quiet panic=-1 reboot=t /);
  assert.equal(argv[0], "qemu-system-x86_64");
});
