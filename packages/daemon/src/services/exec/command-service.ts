/** What is asked of the commands that were left running in a machine, whoever left them there. */
import { AppError } from "@banger/contract/errors";
import { SIGNAL_SCOPE } from "@banger/contract/guest/messages";
import type { ExecId } from "@banger/contract/ids";
import { isUp } from "../vm/lifecycle.ts";
import { machineFiles } from "../vm/machine-files.ts";
import type { MachineRecord } from "../vm/machine-record.ts";
import type { VmService } from "../vm/vm-service.ts";
import { type Command, listCommands } from "./command-record.ts";

export type CommandServiceDeps = { readonly vm: VmService; readonly machines: string };

const GUEST_MS = 30_000;

export class CommandService {
  readonly #deps: CommandServiceDeps;

  constructor(deps: CommandServiceDeps) {
    this.#deps = deps;
  }

  async list(ref: string): Promise<{ exec: ExecId; argv: string[] }[]> {
    const { record, state } = this.#deps.vm.find(ref);
    const running = isUp(state) ? await this.#running(record) : [];
    return running.map(({ id, argv }) => ({ exec: id, argv }));
  }

  /** To all that runs, with what it has started. Throws EXEC_NOT_FOUND when nothing does. */
  async signal(ref: string, number: number, { signal }: { signal: AbortSignal }): Promise<ExecId[]> {
    const { machine, live } = this.#deps.vm.live(ref);
    const { record } = machine;
    const running = await this.#running(record);
    if (running.length === 0) throw noCommand(record.name);
    const waiting = { signal, deadlineMs: GUEST_MS };
    const told = running.map(async ({ id }) => {
      const what = `SIGNAL to ${id}`;
      await live.guest.request("signal", { id, signal: number, scope: SIGNAL_SCOPE.everything }, { ...waiting, what });
      return id;
    });
    return await Promise.all(told);
  }

  /** One that its client has is not among them: it gets its signals from there. */
  async #running(record: MachineRecord): Promise<readonly Command[]> {
    const known = await listCommands(machineFiles(this.#deps.machines, record.id).commands);
    const left = known.map(({ command }) => command).filter(({ attached }) => !attached);
    return left.filter((command) => isRunning(command, record));
  }
}

/** One of an earlier run of the machine went with it, whether or not anybody was there to write that down. */
export function isRunning({ end, startedAt }: Command, { run }: MachineRecord): boolean {
  return end === null && run !== null && startedAt >= run.startedAt;
}

function noCommand(name: string): AppError {
  return new AppError("EXEC_NOT_FOUND", `nothing was left running in ${name}`, {
    facts: { machine: name },
    hint: "`banger run -d -- CMD` leaves a command running; `banger kill` without --signal ends the machine itself.",
  });
}
