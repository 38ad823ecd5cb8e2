/** Handlers of `vm.*`. */
import { serveLog } from "../services/exec/serve-log.ts";
import type { Area, Services } from "./context.ts";

export function vmHandlers({ vm, life, changes, waits, exec, stats }: Services): Area<"vm"> {
  return {
    "vm.create": (params, { connection }) => ({ operation: vm.create(params, connection) }),
    "vm.start": ({ ref }, { connection }) => ({ operation: life.start(ref, connection) }),
    "vm.stop": ({ ref, graceMs }) => ({ operation: life.stop(ref, { graceMs }) }),
    "vm.restart": ({ ref, graceMs }, { connection }) => ({ operation: life.restart(ref, { graceMs }, connection) }),
    "vm.kill": ({ ref }) => ({ operation: life.kill(ref) }),
    "vm.reset": ({ ref, graceMs }, { connection }) => ({ operation: life.reset(ref, { graceMs }, connection) }),
    "vm.pause": ({ ref }, { connection }) => ({ operation: life.pause(ref, connection) }),
    "vm.resume": ({ ref }, { connection }) => ({ operation: life.resume(ref, connection) }),
    "vm.keep": ({ ref }) => vm.keep(ref),
    "vm.delete": ({ ref }) => ({ operation: life.delete(ref) }),
    "vm.rename": ({ ref, name }, { signal }) => changes.rename(ref, name, { signal }),
    "vm.set": ({ ref, ...asked }, { signal }) => changes.set(ref, asked, { signal }),
    "vm.wait": ({ ref, ...asked }, { signal }) => waits.wait(ref, asked, { signal }),
    "vm.list": () => ({ machines: [...vm.list()] }),
    "vm.show": ({ ref }) => vm.show(ref),
    "vm.stats": ({ ref }, waiting) => stats.sample(ref, waiting),
    "vm.logs": (params, { upgrade }) => {
      const log = exec.logs(params);
      const lasting = log.leaving !== undefined;
      upgrade((mux) => exec.attach(() => serveLog(log, mux, { gone: vm.gone(log.machine) }), { lasting }));
      return { machine: log.machine };
    },
  };
}
