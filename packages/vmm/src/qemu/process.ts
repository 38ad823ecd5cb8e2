/** A running QEMU: its sockets, its monitor, its end. */
import { once } from "node:events";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { errnoOf } from "@banger/platform/fs/errno";
import { raceAbort, startDeadline } from "@banger/platform/time/deadline";
import type { Hold, VmmExit, VmmHandles, VmmProcess } from "../driver.ts";
import { type LauncherDeps, launcherExit } from "../launcher.ts";
import { diskNode } from "./argv.ts";
import { qemuSocket } from "./paths.ts";
import { Qmp } from "./qmp.ts";

export type QemuProcessDeps = LauncherDeps & {
  /** how long the monitor may take to answer a command, `ms`; 10 s when absent */
  readonly answerMs?: number;
};

/** A main loop that runs answers in milliseconds, a starved one in seconds. */
const ANSWER_MS = 10_000;

export class QemuProcess implements VmmProcess {
  readonly handles: VmmHandles;
  readonly exited: Promise<VmmExit>;
  readonly #deps: QemuProcessDeps;
  readonly #directory: string;

  constructor(deps: QemuProcessDeps, machine: { directory: string; handles: VmmHandles }) {
    this.#deps = deps;
    this.handles = machine.handles;
    this.#directory = machine.directory;
    this.exited = launcherExit(deps, machine);
  }

  async connectAgent({ signal }: { signal: AbortSignal }): Promise<Duplex> {
    const socket = createConnection({ path: qemuSocket(this.#directory, "agent") });
    try {
      await once(socket, "connect", { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async pause(options: { signal: AbortSignal }): Promise<void> {
    await this.#command("stop", options);
  }

  async resume(options: { signal: AbortSignal }): Promise<void> {
    await this.#command("cont", options);
  }

  async hold(options: { signal: AbortSignal }): Promise<Hold> {
    const answer = Object(await this.#command("query-status", options));
    if (Reflect.get(answer, "running") !== false) return "none";
    return Reflect.get(answer, "status") === "io-error" ? "no-space" : "paused";
  }

  async resizeDisk(
    { index, sizeBytes }: { index: number; sizeBytes: number },
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    await this.#command("block_resize", { signal, arguments: { "node-name": diskNode(index), size: sizeBytes } });
  }

  async kill({ signal }: { signal: AbortSignal }): Promise<VmmExit> {
    this.#deps.processes.signal(this.handles.vmm, "SIGKILL");
    return await raceAbort(this.exited, signal);
  }

  /** Nothing is held between calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  /** Resolves when QEMU's main loop answers, so what was wrong with its command line is known. Waits as long as its caller. */
  async untilUp(options: { signal: AbortSignal }): Promise<void> {
    await this.#ask("query-status", options);
  }

  async #command(command: string, options: Parameters<Qmp["execute"]>[1]): Promise<unknown> {
    const { answerMs = ANSWER_MS } = this.#deps;
    using deadline = startDeadline(options.signal, { ms: answerMs, what: "QEMU's monitor" });
    try {
      return await this.#ask(command, { ...options, signal: deadline.signal });
    } catch (error) {
      if (error !== deadline.signal.reason || options.signal.aborted) throw error;
      throw new AppError("VMM_SILENT", `QEMU's monitor did not answer ${command} within ${answerMs} ms`, {
        facts: { command, deadlineMs: answerMs },
      });
    }
  }

  async #ask(command: string, options: Parameters<Qmp["execute"]>[1]): Promise<unknown> {
    using monitor = await this.#monitor(options);
    return await monitor.execute(command, options);
  }

  async #monitor(options: { signal: AbortSignal }): Promise<Qmp> {
    try {
      return await Qmp.connect(qemuSocket(this.#directory, "qmp"), options);
    } catch (error) {
      const code = errnoOf(error);
      if (code === "EAGAIN") {
        const message = "QEMU's monitor takes no more connections: it has not looked at those before";
        throw new AppError("VMM_SILENT", message, { cause: error });
      }
      if (code !== "ENOENT" && code !== "ECONNREFUSED" && code !== "ECONNRESET") throw error;
      throw new AppError("VMM_DIED", "QEMU is gone, and its monitor with it", { cause: error });
    }
  }
}
