/** Handlers of `prune.*`. */
import type { Area, Services } from "./context.ts";

export function pruneHandlers({ prune }: Services): Area<"prune"> {
  return {
    "prune.list": async () => ({ items: await prune.list() }),
    "prune.run": (_params, { connection }) => ({ operation: prune.prune(connection) }),
  };
}
