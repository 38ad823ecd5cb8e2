/** What the daemon says of itself, and how it is asked to go. */
import type { Build, DaemonStatus } from "@banger/contract/daemon/system";
import { AppError } from "@banger/contract/errors";
import type { AgentBuild } from "@banger/contract/guest/agent-build";
import type { ExecService } from "../exec/exec-service.ts";
import type { OperationRegistry } from "../operation/operation-registry.ts";
import type { VmService } from "../vm/vm-service.ts";

export type DaemonServiceDeps = {
  readonly build: Build;
  readonly agent: AgentBuild;
  readonly pid: number;
  readonly startedAt: string;
  readonly stateDirectory: string;
  readonly socket: string;
  readonly logFile: string;
  readonly vm: Pick<VmService, "list" | "provisional">;
  readonly operations: Pick<OperationRegistry, "running">;
  readonly exec: Pick<ExecService, "served">;
  /** bytes */
  readonly residentBytes: () => number;
  /** asks main to shut down; the answer is sent first */
  readonly requestStop: () => void;
};

export class DaemonService {
  readonly #deps: DaemonServiceDeps;

  constructor(deps: DaemonServiceDeps) {
    this.#deps = deps;
  }

  status(): DaemonStatus {
    const { build, agent, pid, startedAt, stateDirectory, socket, logFile } = this.#deps;
    const machines = this.#deps.vm.list();
    return {
      ...{ build, agent, pid, startedAt, stateDirectory, socket, logFile },
      machines: { total: machines.length, running: machines.filter(({ state }) => state === "running").length },
      operations: this.#deps.operations.running,
      residentBytes: this.#deps.residentBytes(),
    };
  }

  /**
   * Machines keep running. Throws DAEMON_BUSY when asked to go only if idle. Commands go on with the next daemon, unless it
   * does not speak as their clients do: it will be that of whoever asks.
   */
  stop({ ifIdle, sameProtocol }: { ifIdle: boolean; sameProtocol: boolean }): { pid: number } {
    // A machine that is still its maker's goes with the daemon: it counts as being made.
    const running = this.#deps.operations.running + this.#deps.vm.provisional;
    const { streams, commands } = this.#deps.exec.served;
    const ending = sameProtocol ? streams : streams + commands;
    if (ifIdle && running + ending > 0) {
      const message = `the daemon has ${count(running, "operation")} and ${count(ending, "stream")} under way`;
      throw new AppError("DAEMON_BUSY", message, { facts: { running, streams: ending } });
    }
    this.#deps.requestStop();
    return { pid: this.#deps.pid };
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
