/**
 * The method table, loaded only for a daemon whose answers need checking: its schemas cost a short command a third of its time.
 */
import type { DaemonMethods } from "@banger/contract/daemon/methods";

const asItIs = { parse: (value: unknown): unknown => value };
const unchecked = { params: asItIs, result: asItIs };

export function lateTable(): { readonly methods: DaemonMethods; load(): Promise<void> } {
  let loaded: DaemonMethods | undefined;
  const get = (_: object, method: string | symbol): unknown =>
    loaded === undefined ? unchecked : Reflect.get(loaded, method);
  return {
    // Until it is loaded every method passes values on as they are.
    methods: new Proxy({}, { get }) as DaemonMethods,
    async load() {
      loaded = (await import("@banger/contract/daemon/methods")).daemonMethods;
    },
  };
}
