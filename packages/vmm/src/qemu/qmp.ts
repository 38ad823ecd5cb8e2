/**
 * QEMU's monitor protocol, as far as a driver needs it: commands answered in order, one connection.
 *
 * The peer is a VMM that a guest may have taken over: lines are bounded, and what does not parse ends the connection.
 */
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { AppError } from "@banger/contract/errors";
import { GuestText } from "@banger/contract/guest-text";
import { raceAbort } from "@banger/platform/time/deadline";

const MAX_LINE_BYTES = 256 * 1024;

type Waiter = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

export class Qmp implements Disposable {
  readonly #socket: Socket;
  readonly #waiters: Waiter[] = [];
  #pending = "";
  /** why it answers no more */
  #ended: Error | undefined;
  #greeted = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeted.promise.catch(() => undefined); // told by whoever awaits it
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new AppError("VMM_DIED", "QEMU closed its monitor")));
  }

  static async connect(path: string, { signal }: { signal: AbortSignal }): Promise<Qmp> {
    const socket = createConnection({ path });
    const qmp = new Qmp(socket);
    try {
      await once(socket, "connect", { signal });
      await raceAbort(qmp.#greeted.promise, signal);
      await qmp.execute("qmp_capabilities", { signal });
      return qmp;
    } catch (error) {
      qmp[Symbol.dispose]();
      throw error;
    }
  }

  async execute(
    command: string,
    options: { signal: AbortSignal; arguments?: Readonly<Record<string, string | number>> },
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (this.#ended) throw this.#ended;
    this.#waiters.push({ resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: options.arguments })}\n`);
    return await raceAbort(promise, options.signal);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const lines = (this.#pending + text).split("\n");
    this.#pending = lines.pop() ?? "";
    if (this.#pending.length > MAX_LINE_BYTES)
      this.#socket.destroy(new AppError("VMM_DIED", "QEMU's monitor sent an endless line"));
    for (const line of lines) if (!this.#socket.destroyed) this.#line(line);
  }

  #line(line: string): void {
    const message = parse(line);
    if (message === undefined) this.#socket.destroy(new AppError("VMM_DIED", "QEMU's monitor sent what is not JSON"));
    else if ("QMP" in message) this.#greeted.resolve();
    else if ("return" in message || "error" in message) this.#answer(message);
  }

  #answer(reply: Record<string, unknown>): void {
    const waiter = this.#waiters.shift();
    if ("return" in reply) waiter?.resolve(reply.return);
    else waiter?.reject(new AppError("INTERNAL", `QEMU refused a command: ${description(reply.error)}`));
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    this.#greeted.reject(error);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // not JSON: the caller ends the connection
  }
}

/** `desc` of an error; whatever else stands there has no words for us. */
function description(error: unknown): string {
  const desc: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "desc") : undefined;
  return typeof desc === "string" ? new GuestText(desc).printable({ max: 300 }) : "without a reason";
}
