/**
 * Connections to HTTP ports of guests, kept for a while: a browser asks for fifty things at once, and each new connection costs
 * a question to the guest. Only a request that may be repeated is sent on one that was used before, because its server may
 * just have closed it. A connection is kept when both ends said so and the answer was whole; one on which anything comes
 * while nobody asks is ended, and all of a machine's end with its channel.
 */
import { Agent, type ClientRequest, type ClientRequestArgs } from "node:http";
import { Duplex } from "node:stream";
import { VmId } from "@banger/contract/ids";
import type { OpenPort } from "./open-port.ts";

/** shorter than servers wait for the next request, Node's own 5 s being the shortest that is common */
const IDLE_MS = 4_000;
/** of each port of each machine */
const MAX_IDLE = 16;

type Opened = (error: Error | null, connection: Duplex) => void;

/** what Node's types want beside an error; nobody looks at it */
const NONE = new Duplex();

/** The machine is the request's `host`, by its id: a name may be another machine's by the next request. */
export class GuestConnections extends Agent {
  readonly #open: OpenPort<{ id: VmId }>;
  readonly #signal: AbortSignal;
  readonly #idle = new WeakMap<Duplex, () => void>();

  constructor(options: { openPort: OpenPort<{ id: VmId }>; signal: AbortSignal; keep: boolean }) {
    super({ keepAlive: options.keep, maxFreeSockets: MAX_IDLE, scheduling: "lifo" });
    this.#open = options.openPort;
    this.#signal = options.signal;
  }

  override createConnection({ host, port }: ClientRequestArgs, opened?: Opened): undefined {
    const to = { id: VmId.parse(host), port: Number(port) };
    this.#open(to, this.#signal).then(
      (connection) => opened?.(null, connection),
      (error: unknown) => opened?.(asError(error), NONE),
    );
  }

  override keepSocketAlive(connection: Duplex): boolean {
    if (!connection.readable || connection.readableLength > 0) return false;
    const spoil = () => connection.destroy();
    const timer = setTimeout(spoil, IDLE_MS).unref();
    for (const event of ["data", "end"]) connection.on(event, spoil);
    this.#idle.set(connection, () => {
      clearTimeout(timer);
      for (const event of ["data", "end"]) connection.off(event, spoil);
    });
    connection.once("close", () => clearTimeout(timer));
    return true;
  }

  override reuseSocket(connection: Duplex, request: ClientRequest): void {
    request.reusedSocket = true; // as the method does that this replaces
    this.#idle.get(connection)?.();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
