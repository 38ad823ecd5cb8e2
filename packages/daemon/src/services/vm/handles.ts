/** handles.json: what is momentary about a running machine, kept so that the next daemon finds it. */
import { readFile, rm } from "node:fs/promises";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { VmmHandles } from "@banger/vmm/driver";
import * as z from "zod";
import type { MachineFiles } from "./machine-files.ts";

const Process = z.object({ pid: z.int().positive(), startTime: z.int().nonnegative(), bootId: z.string() });

const Handles = z.object({
  driver: z.enum(["qemu", "firecracker", "fake"]),
  nonce: z.string(),
  launcher: Process,
  vmm: Process,
  isolation: z.object({ namespaces: z.array(z.string()), reason: z.string().nullable() }),
});

export async function writeHandles(files: MachineFiles, handles: VmmHandles): Promise<void> {
  await atomicWrite(files.handles, JSON.stringify(handles));
}

/** `undefined` when there is none or it cannot be read; the nonce then finds what it would have named. */
export async function readHandles(files: MachineFiles): Promise<VmmHandles | undefined> {
  try {
    return Handles.parse(JSON.parse(await readFile(files.handles, "utf8")));
  } catch {
    return undefined; // never written, or damaged: both are told by the nonce
  }
}

export async function removeHandles(files: MachineFiles): Promise<void> {
  await rm(files.handles, { force: true });
}
