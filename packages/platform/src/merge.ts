/** Several sequences as one, each value when it comes. At most one value of each is held, so a slow reader holds them all back. */
export async function* mergeByArrival<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = async (index: number) => ({ index, result: await iterators[index]?.next() });
  const waiting = new Map(iterators.map((_, index) => [index, next(index)]));
  try {
    while (waiting.size > 0) {
      const { index, result } = await Promise.race(waiting.values());
      if (!result || result.done) {
        waiting.delete(index);
        continue;
      }
      waiting.set(index, next(index));
      yield result.value;
    }
  } finally {
    // One that is waiting for its next value ends when that has come, or when its own signal is aborted.
    for (const index of waiting.keys()) void iterators[index]?.return?.(undefined)?.catch(() => undefined);
  }
}
