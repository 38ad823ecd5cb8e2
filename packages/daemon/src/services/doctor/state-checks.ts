/** What the state directory holds that somebody should look at. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DoctorRow } from "@banger/contract/daemon/system";
import { AppError } from "@banger/contract/errors";
import type { StoredManifest, StoreListing } from "../content/content-store.ts";
import type { Machine } from "../vm/vm-store.ts";
import type { Check, Waiting } from "./doctor-service.ts";

/** Machines that failed, their clean-up included: deleting is what ends what is left of one. */
export function machines(list: () => readonly Machine[]): Check {
  return {
    name: "machines",
    run: () => {
      const all = list();
      const failed = all.filter(({ state }) => state === "failed");
      if (failed.length === 0)
        return Promise.resolve([{ check: "machines", status: "ok", detail: `${all.length}, none failed` }]);
      return Promise.resolve(failed.map(failedRow));
    },
  };
}

function failedRow({ record: { name }, lastError }: Machine): DoctorRow {
  const detail = lastError ? `${lastError.message} (${lastError.code})` : "failed";
  return { check: `machine ${name}`, status: "warn", detail, fix: `banger delete ${name}` };
}

export type Content = {
  readonly kind: "image" | "kernel";
  readonly list: () => Promise<StoreListing<StoredManifest>>;
  /** throws what it complains about */
  readonly look: (id: string, waiting: Waiting) => Promise<unknown>;
};

/** Whether what machines boot from is whole, as far as that can be seen without reading it all. */
export function content({ kind, list, look }: Content): Check {
  const check = `${kind}s`;
  return {
    name: check,
    run: async (waiting) => {
      const { entries, corrupt } = await list();
      const bad = corrupt.map(({ id, reason }) => corruptRow(kind, id, reason));
      for (const { manifest } of entries) {
        const complaint = await complaintOf(() => look(manifest.id, waiting));
        if (complaint !== undefined) bad.push(corruptRow(kind, manifest.id, complaint));
      }
      if (bad.length > 0) return bad;
      return [{ check, status: "ok", detail: `${entries.length}, whole` }];
    },
  };
}

function corruptRow(kind: Content["kind"], id: string, detail: string): DoctorRow {
  return { check: `${kind} ${id}`, status: "fail", detail, fix: `banger ${kind} delete ${id}` };
}

async function complaintOf(look: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    if (AppError.is(error, "IMAGE_CORRUPT") || AppError.is(error, "KERNEL_CORRUPT")) return error.message;
    throw error;
  }
}

/** Damaged databases that were put beside the one in use. */
export function keptDatabases(database: string): Check {
  return {
    name: "database",
    run: async () => {
      const directory = dirname(database);
      const names = await readdir(directory);
      const kept = names.filter(
        (name) => name.startsWith(`${basename(database)}.damaged-`) && !/-(?:wal|shm)$/.test(name),
      );
      if (kept.length === 0) return [{ check: "database", status: "ok", detail: database }];
      return kept.map((name) => {
        const path = join(directory, name);
        const detail = `${path} was damaged, and replaced by what the machines' manifests say`;
        return { check: "database", status: "warn", detail, fix: `rm ${path}*` };
      });
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
          fix: "banger prune -f",
        },
      ];
    },
  };
}
