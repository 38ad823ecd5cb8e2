/** Which modules an early user space has to load, and in which order, from what depmod wrote. Pure. */
import { AppError } from "@banger/contract/errors";

export type WantedModule = { readonly name: string; readonly need: "required" | "if-there" };

/** What finds our disks, the agent's channel, network and entropy; ext4 for kernels that have it as a module. */
export const WANTED_MODULES: readonly WantedModule[] = [
  { name: "virtio_ring", need: "required" },
  { name: "virtio", need: "required" },
  { name: "virtio_mmio", need: "required" },
  { name: "virtio_blk", need: "required" },
  { name: "virtio_console", need: "required" },
  { name: "ext4", need: "required" },
  { name: "failover", need: "if-there" },
  { name: "net_failover", need: "if-there" },
  { name: "virtio_net", need: "required" },
  { name: "virtio_rng", need: "if-there" },
  { name: "vsock", need: "required" },
  { name: "vmw_vsock_virtio_transport_common", need: "required" },
  { name: "vmw_vsock_virtio_transport", need: "required" },
];

export type ModuleIndex = {
  /** text of modules.dep */
  readonly dep: string;
  /** text of modules.builtin */
  readonly builtin: string;
};

/** Paths relative to the modules directory, each after all it depends on; what is built in is left out. */
export function loadOrder(wanted: readonly WantedModule[], index: ModuleIndex): readonly string[] {
  const modules = parseDep(index.dep);
  const builtin = new Set(index.builtin.split("\n").filter(Boolean).map(moduleName));
  const order = new Set<string>();
  for (const { name, need } of wanted) {
    const module = modules.get(name);
    if (module) {
      // modules.dep lists what has to be loaded first last
      for (const path of [...module.needs].reverse()) order.add(path);
      order.add(module.path);
    } else if (!builtin.has(name) && need === "required") {
      throw new AppError("BUILD_FAILED", `the kernel has no ${name}, neither built in nor as a module`, {
        facts: { module: name },
        hint: "Choose another kernel package.",
      });
    }
  }
  return [...order];
}

/** `kernel/drivers/char/hw_random/virtio-rng.ko.xz` is `virtio_rng`. */
export function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replace(/\.ko(?:\.(?:gz|xz|zst))?$/, "")
    .replaceAll("-", "_");
}

function parseDep(text: string): Map<string, { path: string; needs: readonly string[] }> {
  const modules = new Map<string, { path: string; needs: readonly string[] }>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const path = line.slice(0, colon);
    modules.set(moduleName(path), {
      path,
      needs: line
        .slice(colon + 1)
        .split(" ")
        .filter(Boolean),
    });
  }
  return modules;
}
