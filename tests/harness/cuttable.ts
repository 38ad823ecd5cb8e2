/**
 * The whole daemon, on a host in memory, behind a wire that is cut wherever a test wants it: the daemon dies then, and the next
 * one comes.
 */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { DaemonBench } from "@banger/daemon/testing/daemon-bench";
import { type BangerClient, connectDaemon } from "@banger/sdk/client";
import { type ExecSession, exec } from "@banger/sdk/exec";

const build = { version: "0.0.0", commit: "test", builtAt: "2026-01-01T00:00:00.000Z" };

/** A daemon that is reached through a wire that can be cut, and a machine `web` in it. */
export class Cuttable implements AsyncDisposable {
  readonly bench: DaemonBench;
  readonly id: string;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #path: string;
  cuts = 0;
  #cutAfter = Number.POSITIVE_INFINITY;
  #passed = 0;
  #dead = false;
  #next: Promise<unknown> = Promise.resolve();

  private constructor(bench: DaemonBench, id: string) {
    this.bench = bench;
    this.id = id;
    this.#path = `${bench.paths.socket}.wire`;
    this.#server = createServer((socket) => this.#carry(socket));
  }

  static async make(): Promise<Cuttable> {
    const bench = await DaemonBench.make();
    const made = new Cuttable(bench, await bench.create(await bench.start(), "web"));
    await once(made.#server.listen(made.#path), "listening");
    return made;
  }

  /** bytes that pass from now on before the wire is cut, and the daemon is killed, again and again */
  set cutAfter(bytes: number) {
    this.#cutAfter = bytes;
    this.#passed = 0;
  }

  readonly client = async (): Promise<BangerClient> => {
    while (this.#dead) await this.#next;
    return await connectDaemon({ socket: this.#path, build });
  };

  async exec(argv: string[], more: { tty?: { rows: number; columns: number } } = {}): Promise<ExecSession> {
    const params = { ref: "web", argv, stdin: true, ...more };
    return await exec(await this.client(), params, { reconnect: this.client });
  }

  get commands() {
    return this.bench.guests.of(this.id).verbs.commands;
  }

  /** The daemon is killed; the next one is there before anybody is connected again. */
  kill(): void {
    if (this.#dead) return;
    const killed = this.bench.kill();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#followed(killed);
  }

  /** The daemon goes in good order, and the next one comes. */
  async replace(): Promise<void> {
    this.#followed(this.bench.stop());
    await this.#next;
  }

  #followed(gone: Promise<void>): void {
    this.#dead = true;
    this.#next = gone.then(async () => {
      await this.bench.start();
      this.#dead = false;
    });
  }

  #carry(socket: Socket): void {
    const up = connect({ path: this.bench.paths.socket });
    for (const [from, to] of [
      [socket, up],
      [up, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => to.destroy());
      from.on("data", (chunk: Buffer) => this.#pass(chunk, to, from));
      from.on("end", () => to.end());
    }
  }

  #pass(chunk: Buffer, to: Socket, from: Socket): void {
    const room = this.#cutAfter - this.#passed;
    this.#passed += chunk.length;
    if (chunk.length <= room) {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => from.resume());
      return;
    }
    to.write(chunk.subarray(0, room));
    this.#passed = 0;
    this.cuts += 1;
    this.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#next;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.bench[Symbol.asyncDispose]();
    await rm(this.#path, { force: true });
  }
}
