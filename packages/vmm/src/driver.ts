/**
 * What a VMM driver is. The daemon knows machines only through this page.
 *
 * A driver starts one VMM under the launcher, finds it again after a daemon restart, and gives a byte pipe to the agent
 * inside. It keeps no state of its own: what it needs to find a machine again is in VmmHandles, which the daemon stores.
 *
 *   prepare ──▶ start ──▶ VmmProcess ──▶ exited
 *                adopt ──────▲
 */
import type { Duplex } from "node:stream";
import type { VmId } from "@banger/contract/ids";
import type { ProcessIdentity } from "@banger/platform/process/liveness";

export type DriverName = "qemu" | "firecracker" | "fake";
export type Accelerator = "kvm" | "tcg";

export type Capabilities = {
  /** how the agent is reached; the kernel command line and the initramfs serve both */
  readonly agentTransport: "virtio-serial" | "vsock";
  /** which of a kernel bundle's two files is booted */
  readonly kernelFile: "vmlinuz" | "vmlinux";
  readonly rootFormats: ReadonlySet<DiskFormat>;
  readonly userNetwork: boolean;
  readonly pause: boolean;
  /** whether the guest's own power-off ends the VMM; otherwise it must reset */
  readonly poweroffEnds: boolean;
};

export type DiskFormat = "raw" | "qcow2";

/** In the order vda root, vdb work, vdc modules, on every VMM. */
export type Disk = {
  readonly path: string;
  readonly format: DiskFormat;
  readonly readonly: boolean;
};

export type VmmSpec = {
  readonly id: VmId;
  /** the machine's directory, 0700: sockets, console, lock and exit status go here */
  readonly directory: string;
  /** names the launcher in /proc before its pid is known; written to disk before the start */
  readonly nonce: string;
  readonly vcpus: number;
  /** MiB */
  readonly memoryMib: number;
  readonly kernel: { readonly path: string; readonly initramfs: string };
  /** what the agent reads; the driver adds what the kernel needs */
  readonly commandLine: readonly string[];
  readonly disks: readonly Disk[];
  readonly accelerator: Accelerator;
  /** `none` has no device; `shut` has one that reaches nothing */
  readonly network: "none" | "shut";
};

/** What handles.json holds of a running VMM. */
export type VmmHandles = {
  readonly driver: DriverName;
  readonly nonce: string;
  readonly launcher: ProcessIdentity;
  readonly vmm: ProcessIdentity;
  /** namespaces around the VMM, and why others are missing */
  readonly isolation: { readonly namespaces: readonly string[]; readonly reason: string | null };
};

export type VmmExit = {
  readonly status: number | null;
  readonly signal: string | null;
};

/** What keeps a guest from running: somebody has paused it, or a write of its that found no room on the host. */
export type Hold = "none" | "paused" | "no-space";

/**
 * A running VMM. Disposing lets go of connections; it never ends the machine. What asks it for something throws VMM_DIED
 * when it is gone, and VMM_SILENT when it does not answer in time; then nobody knows whether it will still obey.
 */
export interface VmmProcess extends AsyncDisposable {
  readonly handles: VmmHandles;
  /** Resolves when the VMM is gone, whoever ended it. Never rejects. */
  readonly exited: Promise<VmmExit>;
  /** A fresh pipe to the agent's port; may be asked for again when one ends. Possible before the guest is up. */
  connectAgent(options: { signal: AbortSignal }): Promise<Duplex>;
  pause(options: { signal: AbortSignal }): Promise<void>;
  resume(options: { signal: AbortSignal }): Promise<void>;
  /** What holds the guest now, whoever did it. */
  hold(options: { signal: AbortSignal }): Promise<Hold>;
  /** The file of a disk has grown or shrunk to this size: VMM and guest are told. `index` is its place in the spec. */
  resizeDisk(disk: { index: number; sizeBytes: number }, options: { signal: AbortSignal }): Promise<void>;
  /** Ends the VMM now and resolves when it is gone; safe to repeat. */
  kill(options: { signal: AbortSignal }): Promise<VmmExit>;
}

export type Probe = {
  /** `null` when the VMM is not installed or too old, with the reason in `detail` */
  readonly version: string | null;
  readonly detail: string;
  readonly fix?: string;
};

export interface VmmDriver {
  readonly name: DriverName;
  readonly capabilities: Capabilities;
  probe(options: { signal: AbortSignal }): Promise<Probe>;
  /** Resolves when the VMM runs; the guest may be far from up. Throws VMM_START_FAILED, and then nothing is left. */
  start(spec: VmmSpec, options: { signal: AbortSignal }): Promise<VmmProcess>;
  /** Finds a machine again by its handles; `undefined` when it is gone. */
  adopt(machine: { directory: string; handles: VmmHandles }): Promise<VmmProcess | undefined>;
  /** Ends a VMM whose handles were never written, found by its nonce. Resolves when it is gone or never was. */
  endUnrecorded(nonce: string, options: { signal: AbortSignal }): Promise<void>;
  /** Removes what a dead VMM left in the machine's directory; never a disk, never a log. */
  sweep(directory: string): Promise<void>;
}
