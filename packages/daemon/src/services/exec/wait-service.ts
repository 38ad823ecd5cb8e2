/**
 * Waiting for a machine, or for the command that was left running in it. Whoever waits looks again whenever something has
 * changed, and is told what there was at that moment; a machine that is deleted meanwhile has stopped.
 */
import type { WaitFor, WaitResult } from "@banger/contract/daemon/wait";
import { AppError } from "@banger/contract/errors";
import { Changes } from "@banger/platform/changes";
import { raceAbort, startDeadline } from "@banger/platform/time/deadline";
import type { VmDeps } from "../vm/deps.ts";
import { findMachine } from "../vm/find-machine.ts";
import { isUp } from "../vm/lifecycle.ts";
import { machineFiles } from "../vm/machine-files.ts";
import type { MachineRecord } from "../vm/machine-record.ts";
import type { Machine } from "../vm/vm-store.ts";
import { vmView } from "../vm/vm-view.ts";
import type { BackgroundCommands } from "./background.ts";
import { type Command, listCommands } from "./command-record.ts";
import { isRunning } from "./command-service.ts";

export type WaitServiceDeps = Pick<VmDeps, "store" | "live" | "driver" | "agent" | "machines"> & {
  readonly background: BackgroundCommands;
};

type Waiting = { readonly signal: AbortSignal };
type Asked = { readonly for?: WaitFor | undefined; readonly timeoutMs?: number | undefined };

/** what timers take; 24 days */
const FOR_EVER_MS = 2 ** 31 - 1;

const WHAT: Record<WaitFor, string> = { running: "to run", stopped: "to stop", command: "to end its command" };

export class WaitService {
  readonly #deps: WaitServiceDeps;

  constructor(deps: WaitServiceDeps) {
    this.#deps = deps;
  }

  /** Without `for`, its command is waited for if one was left running in it, and its end otherwise. */
  async wait(ref: string, asked: Asked, { signal }: Waiting): Promise<WaitResult> {
    const { record } = findMachine(this.#deps.store.list(), ref);
    const target = asked.for ?? ((await this.#lastCommand(record)) ? "command" : "stopped");
    const what = `${record.name} ${WHAT[target]}`;
    using deadline = startDeadline(signal, { ms: asked.timeoutMs ?? FOR_EVER_MS, what });
    return target === "command"
      ? await this.#forCommand(record, deadline)
      : await this.#forState(record, target, deadline);
  }

  async #forState(record: MachineRecord, target: "running" | "stopped", { signal }: Waiting): Promise<WaitResult> {
    const changes = new Changes();
    using _ = this.#wakeOn(changes);
    for (;;) {
      const { version } = changes;
      const machine = this.#deps.store.get(record.id);
      if (isThere(machine, record, target)) return this.#result(record, machine, null);
      await changes.since(version, { signal });
    }
  }

  async #forCommand(record: MachineRecord, { signal }: Waiting): Promise<WaitResult> {
    const { changes } = this.#deps.background;
    using _ = this.#wakeOn(changes);
    for (;;) {
      const { version } = changes;
      const machine = this.#deps.store.get(record.id);
      const command = machine && (await this.#lastCommand(machine.record));
      if (!machine) throw deleted(record.name, "its command had ended");
      if (!command) throw noCommand(record.name);
      if (command.end) return this.#result(record, machine, command.end);
      if (!isUp(machine.state) || !isRunning(command, machine.record)) throw cutOff(record.name);
      const end = await this.#endOf(command, { signal });
      if (end) return this.#result(record, this.#deps.store.get(record.id), end);
      await changes.since(version, { signal });
    }
  }

  /** Told by the agent itself, where somebody follows it; what is cut off is looked at again. */
  async #endOf({ id }: Command, { signal }: Waiting): Promise<NonNullable<Command["end"]> | undefined> {
    const followed = this.#deps.background.followed(id);
    if (!followed) return undefined;
    try {
      return await raceAbort(followed.session.exit, signal);
    } catch {
      signal.throwIfAborted();
      return undefined; // its machine says why
    }
  }

  #wakeOn(changes: Changes): Disposable {
    const unsubscribe = this.#deps.store.subscribe(() => changes.tell());
    return { [Symbol.dispose]: () => void unsubscribe() };
  }

  async #lastCommand({ id }: MachineRecord): Promise<Command | undefined> {
    const known = await listCommands(machineFiles(this.#deps.machines, id).commands);
    return known.findLast(({ command }) => !command.attached)?.command;
  }

  #result({ id, name }: MachineRecord, machine: Machine | undefined, end: Command["end"]): WaitResult {
    return { id, name, machine: machine ? vmView(this.#deps, machine) : null, end };
  }
}

/** Throws when it can never come to be. */
function isThere(machine: Machine | undefined, { name }: MachineRecord, target: "running" | "stopped"): boolean {
  if (target === "stopped") return !machine || machine.state === "stopped" || machine.state === "failed";
  if (machine) return machine.state === "running";
  throw deleted(name, "it ran");
}

function deleted(name: string, before: string): AppError {
  return new AppError("VM_NOT_FOUND", `${name} was deleted before ${before}`, { facts: { machine: name } });
}

function noCommand(name: string): AppError {
  return new AppError("EXEC_NOT_FOUND", `no command was left running in ${name}`, {
    facts: { machine: name },
    hint: "`banger run -d -- CMD` leaves one running; without --for command, `banger wait` waits for the machine itself.",
  });
}

function cutOff(name: string): AppError {
  return new AppError("VM_NOT_RUNNING", `${name} stopped before its command had ended`, {
    facts: { machine: name },
    hint: "How it ended is not known; `banger logs --command` has what it wrote.",
  });
}
