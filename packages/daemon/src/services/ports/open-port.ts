/** A connection to a TCP port of a machine that runs. */
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { forward } from "../guest/forward.ts";
import type { LiveMachine, VmDeps } from "../vm/deps.ts";
import type { Machine } from "../vm/vm-store.ts";

export type OpenPort<Of> = (to: Of & { readonly port: number }, signal: AbortSignal) => Promise<Duplex>;
/** `byName` takes exactly that name, no prefix of an id. */
export type PortOpener = { readonly byName: OpenPort<{ name: string }>; readonly byId: OpenPort<{ id: VmId }> };

const GUEST_MS = 10_000;

/** Throws VM_NOT_FOUND, VM_NOT_RUNNING, GUEST_REFUSED when nobody listens, GUEST_SILENT. */
export function portOpener({
  store,
  live,
}: Pick<VmDeps, "store"> & { live: ReadonlyMap<VmId, LiveMachine> }): PortOpener {
  const open = async (machine: Machine | undefined, to: { ref: string; port: number }, signal: AbortSignal) => {
    const { ref, port } = to;
    if (!machine) throw new AppError("VM_NOT_FOUND", `there is no machine ${JSON.stringify(ref)}`, { facts: { ref } });
    const running = machine.state === "running" ? live.get(machine.record.id) : undefined;
    if (!running) throw notRunning(machine.record.name, machine.state);
    return await forward(running.guest, { port }, { signal, deadlineMs: GUEST_MS });
  };
  return {
    byName: ({ name, port }, signal) => open(store.named(name), { ref: name, port }, signal),
    byId: ({ id, port }, signal) => open(store.get(id), { ref: id, port }, signal),
  };
}

export function notRunning(name: string, state: string): AppError {
  return new AppError("VM_NOT_RUNNING", `${name} is ${state}`, { facts: { machine: name } });
}
