/**
 * A transport for tests that behaves like virtio-serial on a bad day: a connection ends after a given byte, what was
 * written behind it is gone although the write succeeded, and the next connection begins with bytes of the last one.
 */
import type { Duplex } from "node:stream";
import { socketPair } from "@banger/platform/testing/socket-pair";
import type { Connector } from "../channel/link.ts";

/** One connection. Without a number it lives until it is closed. */
export type Life = {
  /** bytes to the agent that arrive */
  readonly toAgent?: number;
  /** bytes to the host that arrive */
  readonly toHost?: number;
  /** bytes of the life before that arrive again, first, in both directions */
  readonly replay?: number;
};

export type LossyPipe = {
  readonly connect: Connector;
  /** bytes that were sent in the last life, whether they arrived or not */
  readonly sent: { toAgent: number; toHost: number };
  readonly lives: number;
};

/** chunks of the last life that are kept, to come again in the next */
const MEMORY_CHUNKS = 64;

/** Bytes go from one end to the other until the budget is used up; then `cut` is called once. */
class Direction {
  sent = 0;
  #history: Buffer[] = [];

  start(life: {
    from: Duplex;
    to: Duplex;
    budget: number;
    replay: number;
    cut: () => void;
    isCut: () => boolean;
  }): void {
    const { from, to, replay, cut, isCut } = life;
    let { budget } = life;
    const stale = replay > 0 ? Buffer.concat(this.#history).subarray(-replay) : Buffer.alloc(0);
    this.#history = [];
    this.sent = 0;
    if (stale.length > 0) to.write(stale);
    from.on("data", (chunk: Buffer) => {
      this.sent += chunk.length;
      this.#history.push(chunk);
      if (this.#history.length > MEMORY_CHUNKS) this.#history.shift();
      if (isCut()) return;
      const arrives = chunk.subarray(0, budget);
      budget -= arrives.length;
      if (arrives.length > 0 && !to.write(arrives)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      if (budget === 0) cut();
    });
    to.on("close", () => from.resume());
  }
}

export function lossyPipe(inner: Connector, plan: (life: number) => Life): LossyPipe {
  const toAgent = new Direction();
  const toHost = new Direction();
  let lives = 0;
  const connect: Connector = async (options) => {
    const { toAgent: agentBudget, toHost: hostBudget, replay = 0 } = plan(lives++);
    const agent = await inner(options);
    const [host, middle] = socketPair();
    let over = false;
    const cut = () => {
      if (over) return;
      over = true;
      // what was let through still arrives
      agent.end();
      middle.end();
    };
    for (const end of [agent, middle]) {
      end.on("error", cut);
      end.on("close", cut);
      end.on("end", cut);
    }
    host.on("close", cut);
    const shared = { cut, replay, isCut: () => over };
    toAgent.start({ from: middle, to: agent, budget: agentBudget ?? Number.POSITIVE_INFINITY, ...shared });
    toHost.start({ from: agent, to: middle, budget: hostBudget ?? Number.POSITIVE_INFINITY, ...shared });
    return host;
  };
  return {
    connect,
    get sent() {
      return { toAgent: toAgent.sent, toHost: toHost.sent };
    },
    get lives() {
      return lives;
    },
  };
}
