/** Handlers of `daemon.*` and `doctor.*`. */
import type { Area, Services } from "./context.ts";

export function systemHandlers({ daemon, doctor }: Services): Area<"daemon"> & Area<"doctor"> {
  return {
    "daemon.status": () => daemon.status(),
    "daemon.stop": ({ ifIdle }, { sameProtocol }) => daemon.stop({ ifIdle, sameProtocol }),
    "doctor.run": async (_params, { signal }) => ({ rows: [...(await doctor.run({ signal }))] }),
  };
}
