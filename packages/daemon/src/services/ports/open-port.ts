/** A connection to a TCP port of a machine that runs. */
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { forward } from "../guest/forward.ts";
import type { LiveMachine, VmDeps } from "../vm/deps.ts";
import { notRunning } from "../vm/not-running.ts";

export type OpenPort<Of> = (to: Of & { readonly port: number }, signal: AbortSignal) => Promise<Duplex>;
export type PortOpener = {
  readonly open: OpenPort<{ id: VmId }>;
  /** the machine of exactly that name; throws VM_NOT_FOUND */
  readonly named: (name: string) => VmId;
};

const GUEST_MS = 10_000;

/** Throws VM_NOT_FOUND, VM_NOT_RUNNING, GUEST_REFUSED when nobody listens, GUEST_SILENT. */
export function portOpener({
  store,
  live,
}: Pick<VmDeps, "store"> & { live: ReadonlyMap<VmId, LiveMachine> }): PortOpener {
  const missing = (ref: string) =>
    new AppError("VM_NOT_FOUND", `there is no machine ${JSON.stringify(ref)}`, { facts: { ref } });
  return {
    async open({ id, port }, signal) {
      const machine = store.get(id);
      if (!machine) throw missing(id);
      const running = machine.state === "running" ? live.get(id) : undefined;
      if (!running) throw notRunning(machine.record.name, machine.state);
      return await forward(running.guest, { port }, { signal, deadlineMs: GUEST_MS });
    },
    named(name) {
      const machine = store.named(name);
      if (!machine) throw missing(name);
      return machine.record.id;
    },
  };
}
