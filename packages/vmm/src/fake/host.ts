/**
 * A host in memory on which fake machines run. It outlives drivers, as a real host outlives daemons: a second driver on
 * the same host finds the machines that the first has left.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { FakeProcesses } from "@banger/platform/process/processes-fake";
import { socketPair } from "@banger/platform/testing/socket-pair";
import type { Hold, VmmExit, VmmHandles, VmmSpec } from "../driver.ts";

/** The guest's end of a fresh pipe to the agent's port. */
export type FakeGuest = (pipe: Duplex, spec: VmmSpec) => void;

type Gate = { readonly ours: Duplex; readonly guests: Duplex; hold(held: boolean): void };

export type FakeMachine = {
  readonly spec: VmmSpec;
  readonly handles: VmmHandles;
  readonly pipes: Set<Duplex>;
  /** what stands between them and the guest: shut while it is held */
  readonly gates: Set<Gate>;
  /** of disks that were resized while it ran, by their place */
  readonly diskBytes: Map<number, number>;
  exit: VmmExit | undefined;
  held: Hold;
  /** its process is stopped: it answers nothing, and its guest stands still whatever holds it */
  frozen: boolean;
};

export type FakeHostOptions = {
  /** what is in every machine; without it a guest never answers */
  readonly guest?: FakeGuest;
  /** said on every console at the start */
  readonly console?: string;
};

export class FakeHost {
  readonly processes = new FakeProcesses();
  /** by launcher's pid; those that have ended stay, as their directories do */
  readonly machines = new Map<number, FakeMachine>();
  guest: FakeGuest;
  console: string;
  /** ends each machine as soon as it runs */
  diesEarly: VmmExit | undefined;

  constructor(options: FakeHostOptions = {}) {
    this.guest = options.guest ?? (() => undefined);
    this.console = options.console ?? "booting\r\n";
  }

  get running(): readonly FakeMachine[] {
    return [...this.machines.values()].filter((machine) => machine.exit === undefined);
  }

  /** The machine of this id that runs, or the last one that did. */
  machine(id: string): FakeMachine | undefined {
    const all = [...this.machines.values()].filter(({ spec }) => spec.id === id);
    return all.find(({ exit }) => exit === undefined) ?? all.at(-1);
  }

  /** Starts the two processes of a machine; nobody has a record of them yet. */
  spawn(spec: VmmSpec): FakeMachine {
    const launcher = this.processes.start(["fake-launcher", "--nonce", spec.nonce]);
    const vmm = this.processes.start(["fake-vmm", spec.id], { parent: launcher });
    const isolation = { namespaces: ["user", "net"], reason: null };
    const handles = { driver: "fake" as const, nonce: spec.nonce, launcher, vmm, isolation };
    const machine: FakeMachine = {
      spec,
      handles,
      pipes: new Set(),
      gates: new Set(),
      diskBytes: new Map(),
      exit: undefined,
      held: "none",
      frozen: false,
    };
    this.machines.set(launcher.pid, machine);
    appendFileSync(join(spec.directory, "console.log"), this.console);
    return machine;
  }

  /** The guest's own power-off, or the death of the VMM: both processes are gone afterwards. */
  end(machine: FakeMachine, exit: VmmExit): void {
    if (machine.exit !== undefined) return;
    machine.exit = exit;
    for (const pipe of machine.pipes) pipe.destroy();
    this.processes.exit(machine.handles.vmm.pid);
    this.processes.exit(machine.handles.launcher.pid);
  }

  /** A guest that is held takes nothing from its pipes; what came meanwhile is there when it goes on. */
  hold(machine: FakeMachine, held: Hold): void {
    machine.held = held;
    for (const gate of machine.gates) gate.hold(isStill(machine));
  }

  /** As SIGSTOP and SIGCONT to the VMM. */
  freeze(machine: FakeMachine, frozen: boolean): void {
    machine.frozen = frozen;
    for (const gate of machine.gates) gate.hold(isStill(machine));
  }

  /** Resolves with how it ended, whoever ended it. */
  async exited(machine: FakeMachine): Promise<VmmExit> {
    await this.processes.waitForExit(machine.handles.launcher, {});
    machine.exit ??= { status: null, signal: "SIGKILL" };
    return machine.exit;
  }

  plug(machine: FakeMachine): Duplex {
    const gate = openGate();
    const { ours, guests } = gate;
    machine.pipes.add(ours);
    machine.gates.add(gate);
    ours.once("close", () => {
      machine.pipes.delete(ours);
      machine.gates.delete(gate);
      guests.destroy();
    });
    ours.on("error", () => undefined); // a pipe that is cut has ended, and that is all
    guests.on("error", () => undefined);
    this.guest(guests, machine.spec);
    gate.hold(isStill(machine));
    return ours;
  }
}

function isStill({ held, frozen }: FakeMachine): boolean {
  return frozen || held !== "none";
}

/** A pipe whose bytes towards the guest can be held. */
function openGate(): Gate {
  const [ours, outer] = socketPair();
  const [inner, guests] = socketPair();
  for (const end of [outer, inner]) end.on("error", () => undefined); // a pipe that is cut has ended, and that is all
  outer.once("close", () => inner.destroy());
  inner.once("close", () => outer.destroy());
  inner.pipe(outer);
  outer.pipe(inner);
  return {
    ...{ ours, guests },
    hold(held) {
      outer.unpipe(inner);
      if (!held) outer.pipe(inner);
    },
  };
}
