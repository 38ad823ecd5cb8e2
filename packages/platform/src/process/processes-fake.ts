/** Processes that exist only on paper: a test starts them, and they end when signalled or told to. */
import type { ProcessIdentity, ProcessUsage } from "./liveness.ts";
import type { Processes } from "./processes.ts";

type Fake = {
  readonly identity: ProcessIdentity;
  readonly argv: readonly string[];
  readonly parent: ProcessIdentity | undefined;
  readonly waiting: Set<() => void>;
};

export class FakeProcesses implements Processes {
  /** every signal sent, in order */
  readonly signals: Array<{ readonly pid: number; readonly signal: NodeJS.Signals }> = [];
  readonly #alive = new Map<number, Fake>();
  readonly #deaf = new Set<number>();
  #nextPid = 1000;
  #bootId = "00000000-0000-0000-0000-000000000001";

  /** A new process; `deaf` ones end by SIGKILL only. */
  start(
    argv: readonly string[],
    options: { pid?: number; deaf?: boolean; parent?: ProcessIdentity } = {},
  ): ProcessIdentity {
    const pid = options.pid ?? this.#nextPid;
    this.#nextPid = Math.max(this.#nextPid, pid) + 1;
    const identity = { pid, startTime: this.#nextPid * 10, bootId: this.#bootId };
    this.#alive.set(pid, { identity, argv, parent: options.parent, waiting: new Set() });
    if (options.deaf) this.#deaf.add(pid);
    return identity;
  }

  /** The process ends by itself. */
  exit(pid: number): void {
    const fake = this.#alive.get(pid);
    this.#alive.delete(pid);
    this.#deaf.delete(pid);
    for (const wake of fake?.waiting ?? []) wake();
  }

  /** Nothing survives, and identities of before mean nothing any more. */
  reboot(): void {
    for (const pid of [...this.#alive.keys()]) this.exit(pid);
    this.#bootId = `${this.#bootId.slice(0, -1)}${Number(this.#bootId.at(-1)) + 1}`;
  }

  get alive(): readonly ProcessIdentity[] {
    return [...this.#alive.values()].map((fake) => fake.identity);
  }

  bootId(): string {
    return this.#bootId;
  }

  identify(pid: number): ProcessIdentity | undefined {
    return this.#alive.get(pid)?.identity;
  }

  isAlive(identity: ProcessIdentity): boolean {
    return this.#find(identity) !== undefined;
  }

  findByNonce(nonce: string): ProcessIdentity[] {
    return [...this.#alive.values()].filter((fake) => fake.argv.includes(nonce)).map((fake) => fake.identity);
  }

  /** the same for every process that is alive */
  usage(identity: ProcessIdentity): ProcessUsage | undefined {
    return this.isAlive(identity) ? { residentBytes: 2 ** 27, cpuMs: 500 } : undefined;
  }

  descendants(of: ProcessIdentity): ProcessIdentity[] {
    if (!this.isAlive(of)) return [];
    const children = [...this.#alive.values()].filter(({ parent }) => parent === of).map((fake) => fake.identity);
    return children.flatMap((child) => [child, ...this.descendants(child)]);
  }

  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (!this.#find(identity)) return false;
    this.signals.push({ pid: identity.pid, signal });
    if (signal === "SIGKILL" || !this.#deaf.has(identity.pid)) this.exit(identity.pid);
    return true;
  }

  waitForExit(identity: ProcessIdentity, options: { signal?: AbortSignal }): Promise<void> {
    const fake = this.#find(identity);
    if (!fake) return Promise.resolve();
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    fake.waiting.add(resolve);
    options.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true });
    return promise;
  }

  async end(identity: ProcessIdentity): Promise<"ended" | "killed" | "was-gone"> {
    if (!this.signal(identity, "SIGTERM")) return "was-gone";
    if (!this.isAlive(identity)) return "ended";
    this.signal(identity, "SIGKILL");
    return "killed";
  }

  #find({ pid, startTime, bootId }: ProcessIdentity): Fake | undefined {
    const fake = this.#alive.get(pid);
    return fake?.identity.startTime === startTime && fake.identity.bootId === bootId ? fake : undefined;
  }
}
