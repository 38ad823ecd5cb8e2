/**
 * One thing at a time for each key, in order of arrival; different keys never wait for each other.
 *
 * It knows nothing of what it runs. A task that fails does not stop the next one.
 */
import { AppError } from "@banger/contract/errors";

type Queue = { readonly tasks: Array<() => Promise<void>>; running: boolean };

export class Actors {
  readonly #queues = new Map<string, Queue>();
  #closed: AppError | undefined;
  #idle: Array<() => void> = [];

  /** Tasks queued or running under `key`. */
  depth(key: string): number {
    const queue = this.#queues.get(key);
    return queue ? queue.tasks.length + (queue.running ? 1 : 0) : 0;
  }

  /** Runs `task` after all that was queued before it under the same key. A signal takes it out of the queue again. */
  run<T>(key: string, task: () => Promise<T>, options: { signal?: AbortSignal } = {}): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const queue = this.#queues.get(key) ?? { tasks: [], running: false };
    this.#queues.set(key, queue);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const turn = async () => {
      options.signal?.removeEventListener("abort", leave);
      try {
        resolve(await task());
      } catch (error) {
        reject(error);
      }
    };
    const leave = () => {
      queue.tasks.splice(queue.tasks.indexOf(turn), 1);
      reject(options.signal?.reason);
    };
    options.signal?.addEventListener("abort", leave, { once: true });
    queue.tasks.push(turn);
    if (!queue.running) void this.#drain(key, queue);
    return promise;
  }

  /** New tasks are refused from now on; resolves when the queued ones are through. */
  async close(reason = new AppError("DAEMON_UNREACHABLE", "the daemon is shutting down")): Promise<void> {
    this.#closed ??= reason;
    if (this.#queues.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #drain(key: string, queue: Queue): Promise<void> {
    queue.running = true;
    for (let turn = queue.tasks.shift(); turn; turn = queue.tasks.shift()) await turn();
    queue.running = false;
    this.#queues.delete(key);
    if (this.#queues.size > 0) return;
    for (const wake of this.#idle.splice(0)) wake();
  }
}
