/** How machines of the fake daemon come up and go down: in memory and at once, their states as the real ones'. */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { OperationKind } from "@banger/contract/daemon/operation";
import type { PruneItem } from "@banger/contract/daemon/prune";
import type { VmState, VmView } from "@banger/contract/daemon/vm";
import type { WaitResult } from "@banger/contract/daemon/wait";
import type { OperationId } from "@banger/contract/ids";
import type { Handlers } from "@banger/platform/rpc/methods";
import { raceAbort } from "@banger/platform/time/deadline";
import type { OperationsFake } from "./operations-fake.ts";

export type LifeWorld = {
  readonly machines: Map<string, VmView>;
  readonly operations: OperationsFake;
  /** throws VM_NOT_FOUND */
  readonly find: (ref: string) => VmView;
  /** a write, with what it was asked */
  readonly called: (method: string, params: unknown) => void;
  readonly deleted: (id: string) => void;
  /** how the background command of every machine has ended; without one, machines have none */
  readonly commandEnd: () => WaitResult["end"];
};

type LifeMethod =
  | "vm.start"
  | "vm.stop"
  | "vm.restart"
  | "vm.kill"
  | "vm.pause"
  | "vm.rename"
  | "vm.reset"
  | "vm.wait"
  | "vm.set"
  | "vm.resume"
  | "vm.keep"
  | "vm.delete";

export function lifeHandlers(world: LifeWorld): Pick<Handlers<DaemonMethods>, LifeMethod> {
  const { machines, operations, find } = world;
  const to = (kind: OperationKind, { ref }: { ref: string }, state: VmState): { operation: OperationId } => {
    const { id } = find(ref);
    return operations.begin(kind, ref, async () => {
      const changed = { ...find(id), state };
      machines.set(id, changed);
      return changed;
    });
  };
  const changed = (ref: string, change: Partial<VmView>): VmView => {
    const after = { ...find(ref), ...change };
    machines.set(after.id, after);
    return after;
  };
  const told = (kind: OperationKind, params: { ref: string }, state: VmState) => {
    world.called(kind, params);
    return to(kind, params, state);
  };
  return {
    "vm.start": (params) => to("vm.start", params, "running"),
    "vm.stop": (params) => told("vm.stop", params, "stopped"),
    "vm.restart": (params) => told("vm.restart", params, "running"),
    "vm.kill": (params) => told("vm.kill", params, "stopped"),
    "vm.reset": (params) => {
      const { state } = find(params.ref);
      return told("vm.reset", params, state === "running" ? "running" : "stopped");
    },
    "vm.pause": (params) => told("vm.pause", params, "paused"),
    "vm.resume": (params) => told("vm.resume", params, "running"),
    "vm.rename": (params) => {
      world.called("vm.rename", params);
      return changed(params.ref, { name: params.name });
    },
    "vm.set": (params) => {
      world.called("vm.set", params);
      const { ref, vcpus, memoryMib, diskMib = find(ref).diskMib, environment = [], unset = [] } = params;
      const added = environment.map((entry) => entry.slice(0, entry.indexOf("=")));
      const gone = new Set([...unset, ...added]);
      const variables = [...find(ref).variables.filter((name) => !gone.has(name)), ...added];
      const later = { ...(vcpus !== undefined && { vcpus }), ...(memoryMib !== undefined && { memoryMib }) };
      if (find(ref).state !== "running") return changed(ref, { ...later, diskMib, variables });
      return changed(ref, { diskMib, variables, nextStart: Object.keys(later).length > 0 ? later : null });
    },
    "vm.wait": async (params, { signal }) => {
      world.called("vm.wait", params);
      const { id, name, state } = find(params.ref);
      const target = params.for ?? (world.commandEnd() ? "command" : "stopped");
      if (target === "command") return { id, name, machine: find(id), end: world.commandEnd() ?? { status: 0 } };
      if (state !== target) await raceAbort(new Promise<never>(() => undefined), signal);
      return { id, name, machine: find(id), end: null };
    },
    "vm.keep": (params) => {
      world.called("vm.keep", params);
      return find(params.ref);
    },
    "vm.delete": ({ ref }) => {
      const { id, name } = find(ref);
      world.called("vm.delete", { ref: name });
      return operations.begin("vm.delete", ref, async () => {
        machines.delete(id);
        world.deleted(id);
      });
    },
  };
}

type PruneMethod = "prune.list" | "prune.run";

export function pruneHandlers({
  machines,
  operations,
}: Pick<LifeWorld, "machines" | "operations">): Pick<Handlers<DaemonMethods>, PruneMethod> {
  return {
    "prune.list": () => ({ items: prunable(machines) }),
    "prune.run": () =>
      operations.begin("prune", "what does not run", async () => {
        const items = prunable(machines);
        for (const item of items) if (item.kind === "machine") machines.delete(item.id);
        return { items };
      }),
  };
}

/** What every machine that does not run would free. */
const BYTES = 1_048_576;

function prunable(machines: ReadonlyMap<string, VmView>): PruneItem[] {
  const idle = [...machines.values()].filter(({ state }) => state === "stopped" || state === "failed");
  return idle.map(({ id, name, state, createdAt }) => ({ kind: "machine", id, name, state, createdAt, bytes: BYTES }));
}
