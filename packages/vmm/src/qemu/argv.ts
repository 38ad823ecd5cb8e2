/**
 * The command line of a QEMU microvm, as a pure function of the machine.
 *
 * Everything a guest can touch is named here: no default devices, no user configuration, the whole sandbox. Disks come in
 * the order of the specification, which is that of vda, vdb and vdc in the guest.
 */
import type { Disk, VmmSpec } from "../driver.ts";
import { sockets } from "./paths.ts";

export type QemuOptions = {
  readonly binary: string;
  /** the host's TSC rate for guests under emulation, kHz; `undefined` lets the guest calibrate */
  readonly tscKhz: number | undefined;
};

export function qemuArgv(spec: VmmSpec, options: QemuOptions): readonly string[] {
  return [
    options.binary,
    ...["-M", "microvm,acpi=on,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off"],
    ...accelerator(spec),
    ...["-smp", String(spec.vcpus), "-m", `${spec.memoryMib}M`],
    ...["-name", `banger-${spec.id}`, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-kernel", spec.kernel.path, "-initrd", spec.kernel.initramfs, "-append", kernelCommandLine(spec, options)],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=qmp,fd=${inherited("qmp")},server=on,wait=off`, "-mon", "chardev=qmp,mode=control"],
    ...devices(spec),
  ];
}

/**
 * Where `rep movsb` is said to be fast a kernel copies and clears with it, and emulation does that byte by byte: four times
 * slower than the other way it knows (QEMU 7.2, Linux 6.1).
 */
const EMULATED_CPU = "max,erms=off,fsrm=off";

function accelerator(spec: VmmSpec): string[] {
  const [accel, cpu] = spec.accelerator === "kvm" ? ["kvm", "host"] : ["tcg,thread=multi", EMULATED_CPU];
  return ["-accel", accel, "-cpu", cpu];
}

function devices(spec: VmmSpec): string[] {
  const network =
    spec.network === "shut" ? ["-netdev", "user,id=net,restrict=on", "-device", `virtio-net-device,netdev=net`] : [];
  return [
    ...spec.disks.flatMap((disk, index) => block(disk, diskNode(index))),
    ...["-device", `virtio-serial-device,id=serial`],
    ...["-chardev", `socket,id=agent,fd=${inherited("agent")},server=on,wait=off`],
    ...["-device", "virtserialport,bus=serial.0,chardev=agent,name=banger.agent.0"],
    ...["-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", `virtio-rng-device,rng=entropy`],
    ...network,
  ];
}

/** How the monitor calls a disk. */
export function diskNode(index: number): string {
  return `disk${index}`;
}

function block(disk: Disk, id: string): string[] {
  const readonly = disk.readonly ? "on" : "off";
  // A machine's disks belong to it alone, and a lost host loses the machine's last seconds, not its file system: the
  // guest's flushes reach the disk, ordinary writes may stay in the host's page cache.
  const file = `driver=file,filename=${escaped(disk.path)},node-name=${id}-file,read-only=${readonly},discard=unmap`;
  const format = `driver=${disk.format},file=${id}-file,node-name=${id},read-only=${readonly},discard=unmap`;
  return ["-blockdev", file, "-blockdev", format, "-device", `virtio-blk-device,drive=${id}`];
}

function kernelCommandLine(spec: VmmSpec, options: QemuOptions): string {
  // An emulated TSC is the host's clock. Ticks of a starved guest come late; held against them, it would be called unstable.
  const clock =
    spec.accelerator === "tcg" && options.tscKhz !== undefined
      ? ["tsc=nowatchdog", `tsc_early_khz=${options.tscKhz}`]
      : [];
  return ["console=ttyS0", "quiet", "panic=-1", "reboot=t", ...clock, ...spec.commandLine].join(" ");
}

/** The launcher hands listening sockets over as descriptors from 4 on, in the order of the table. */
function inherited(name: keyof typeof sockets): number {
  return 4 + Object.keys(sockets).indexOf(name);
}

/** QEMU splits options at commas; a doubled comma is one. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}
