/** A running QEMU: its sockets, its monitor, its end. */
import { once } from "node:events";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { errnoOf } from "@banger/platform/fs/errno";
import { raceAbort } from "@banger/platform/time/deadline";
import type { VmmExit, VmmHandles, VmmProcess } from "../driver.ts";
import { type LauncherDeps, launcherExit } from "../launcher.ts";
import { diskNode } from "./argv.ts";
import { qemuSocket } from "./paths.ts";
import { Qmp } from "./qmp.ts";

export class QemuProcess implements VmmProcess {
  readonly handles: VmmHandles;
  readonly exited: Promise<VmmExit>;
  readonly #deps: LauncherDeps;
  readonly #directory: string;

  constructor(deps: LauncherDeps, machine: { directory: string; handles: VmmHandles }) {
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

  async isPaused(options: { signal: AbortSignal }): Promise<boolean> {
    const answer = await this.#command("query-status", options);
    return typeof answer === "object" && answer !== null && Reflect.get(answer, "running") === false;
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

  /** Resolves when QEMU's main loop answers, so what was wrong with its command line is known. */
  async untilUp(options: { signal: AbortSignal }): Promise<void> {
    await this.#command("query-status", options);
  }

  async #command(command: string, options: Parameters<Qmp["execute"]>[1]): Promise<unknown> {
    using monitor = await this.#monitor(options);
    return await monitor.execute(command, options);
  }

  async #monitor(options: { signal: AbortSignal }): Promise<Qmp> {
    try {
      return await Qmp.connect(qemuSocket(this.#directory, "qmp"), options);
    } catch (error) {
      const code = errnoOf(error);
      if (code !== "ENOENT" && code !== "ECONNREFUSED" && code !== "ECONNRESET") throw error;
      throw new AppError("VMM_DIED", "QEMU is gone, and its monitor with it", { cause: error });
    }
  }
}
