/** The checks that concern the host as a whole; capabilities bring their own. */
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { DoctorRow } from "@banger/contract/daemon/system";
import { formatBytes } from "@banger/contract/sizes";
import { freeBytes } from "@banger/platform/fs/free-space";
import type { VmmDriver, VmmHandles } from "@banger/vmm/driver";
import type { AccelService } from "../accel/accel-service.ts";
import type { Check } from "./doctor-service.ts";

/** programs that banger runs, and the Debian package of each */
const PROGRAMS = {
  "qemu-system-x86_64": "qemu-system-x86",
  mmdebstrap: "mmdebstrap",
  mke2fs: "e2fsprogs",
  depmod: "kmod",
  newuidmap: "uidmap",
} as const;

const LOW_BYTES = 4 * 2 ** 30;

export function programs(path: string): Check {
  return {
    name: "programs",
    run: async () => {
      const rows = await Promise.all(
        Object.entries(PROGRAMS).map(([program, from]) => programRow(program, from, path)),
      );
      return rows;
    },
  };
}

async function programRow(program: string, from: string, path: string): Promise<DoctorRow> {
  const found = await findIn(program, [...path.split(delimiter), "/usr/sbin", "/sbin"]);
  return found === undefined
    ? { check: program, status: "fail", detail: `${program} is not installed`, fix: `apt-get install ${from}` }
    : { check: program, status: "ok", detail: found };
}

async function findIn(program: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const candidate = join(folder, program);
    if (
      await access(candidate).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}

export function vmm(driver: VmmDriver): Check {
  return {
    name: "vmm",
    run: async (waiting) => {
      const { version, detail, fix } = await driver.probe(waiting);
      return [{ check: driver.name, status: version === null ? "fail" : "ok", detail, ...(fix && { fix }) }];
    },
  };
}

export function acceleration(accel: AccelService): Check {
  return {
    name: "acceleration",
    run: async (waiting) => {
      const verdict = await accel.known(waiting);
      if (!verdict)
        return [{ check: "acceleration", status: "ok", detail: "decided by proof when the first machine starts" }];
      const hardware = verdict.accelerator === "kvm";
      const boundary = hardware ? "" : "; emulation is a convenience, not a security boundary";
      return [
        {
          check: "acceleration",
          status: hardware ? "ok" : "warn",
          detail: `${verdict.accelerator}: ${verdict.reason}${boundary}`,
        },
      ];
    },
  };
}

export function network(): Check {
  const detail = "shut: a machine reaches nothing, and nothing reaches it but through its agent";
  return { name: "network", run: () => Promise.resolve([{ check: "network", status: "ok", detail }]) };
}

/** Which namespaces stand around the VMMs that run now. */
export function isolation(
  running: () => ReadonlyArray<{ readonly name: string; readonly handles: VmmHandles }>,
): Check {
  return {
    name: "isolation",
    run: () =>
      Promise.resolve(
        running().map(({ name, handles: { isolation: around } }) => ({
          check: `isolation of ${name}`,
          status: around.reason === null ? ("ok" as const) : ("warn" as const),
          detail: `namespaces: ${around.namespaces.join(", ") || "none"}${around.reason === null ? "" : ` (${around.reason})`}`,
        })),
      ),
  };
}

export function space(directory: string): Check {
  return {
    name: "space",
    run: async () => {
      const free = await freeBytes(directory);
      const detail = `${formatBytes(free)} free in ${directory}`;
      return [{ check: "space", status: free < LOW_BYTES ? "warn" : "ok", detail }];
    },
  };
}

export function quarantine(directory: string): Check {
  return {
    name: "quarantine",
    run: async () => {
      const found = await readdir(directory).catch(() => []);
      if (found.length === 0) return [{ check: "quarantine", status: "ok", detail: "empty" }];
      return [
        {
          check: "quarantine",
          status: "warn",
          detail: `${found.length} without an owner in ${directory}: ${found.join(", ")}`,
        },
      ];
    },
  };
}
