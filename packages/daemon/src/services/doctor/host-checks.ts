/** What the host must have: programs, package sources, namespaces to build in, this build's own files, space. */
import { access } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import type { DoctorRow } from "@banger/contract/daemon/system";
import { formatBytes } from "@banger/contract/sizes";
import type { Exec } from "@banger/platform/exec/run";
import { freeBytes } from "@banger/platform/fs/free-space";
import { type AptHost, readDebianSources } from "../debian/host-sources.ts";
import { type Builder, requireNamespaces } from "../image/namespace.ts";
import type { Check } from "./doctor-service.ts";

/** programs that banger runs, and the Debian package of each */
const PROGRAMS = {
  "qemu-system-x86_64": "qemu-system-x86",
  mmdebstrap: "mmdebstrap",
  mke2fs: "e2fsprogs",
  depmod: "kmod",
  newuidmap: "uidmap",
  "apt-get": "apt",
  xz: "xz-utils",
} as const;

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

/** Where kernels and images come from, and the keys that they are checked with. */
export function debianSources(host: AptHost): Check {
  const check = "debian sources";
  return {
    name: check,
    run: async () => {
      const sources = await readDebianSources(host);
      for (const keyring of new Set(sources.map((source) => source.keyring))) {
        if (await isThere(keyring)) continue;
        const fix = "apt-get install debian-archive-keyring";
        return [{ check, status: "fail", detail: `the keyring ${keyring} can not be read`, fix }];
      }
      const detail = sources.map(({ mirrors, suites }) => `${mirrors.join(" ")} (${suites.join(" ")})`).join(", ");
      return [{ check, status: "ok", detail }];
    },
  };
}

/** Having newuidmap is not enough: the kernel, a chroot or a missing range of ids can still forbid it. */
export function buildNamespaces(exec: Exec, builder: Builder): Check {
  const check = "namespaces to build images in";
  return {
    name: check,
    run: async (waiting) => {
      await requireNamespaces(exec, builder, waiting);
      return [{ check, status: "ok", detail: `${builder.userName} may make them` }];
    },
  };
}

/** What is built with the daemon, and goes with it. */
export function builtFiles(files: readonly string[], installation: string): Check {
  return {
    name: "build",
    run: async () => {
      const missing: DoctorRow[] = [];
      // Without this file the next start of the command line builds everything.
      const fix = `rm -f ${join(installation, "build/ready.sh")} && ${join(installation, "banger")} version`;
      for (const path of files) {
        if (!(await isThere(path))) {
          missing.push({ check: basename(path), status: "fail", detail: `${path} is missing`, fix });
        }
      }
      if (missing.length > 0) return missing;
      return [{ check: "build", status: "ok", detail: files.map((path) => basename(path)).join(", ") }];
    },
  };
}

const LOW_BYTES = 4 * 2 ** 30;

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

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
