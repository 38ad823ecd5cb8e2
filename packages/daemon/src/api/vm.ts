/** Handlers of `vm.*`. */
import { pipeline } from "node:stream/promises";
import type { Area, Services } from "./context.ts";

export function vmHandlers({ vm, exec }: Services): Area<"vm"> {
  return {
    "vm.create": (params, { connection }) => ({ operation: vm.create(params, connection) }),
    "vm.start": ({ ref }, { connection }) => ({ operation: vm.start(ref, connection) }),
    "vm.stop": ({ ref, graceMs }) => ({ operation: vm.stop(ref, { graceMs }) }),
    "vm.delete": ({ ref }) => ({ operation: vm.delete(ref) }),
    "vm.list": () => ({ machines: [...vm.list()] }),
    "vm.show": ({ ref }) => vm.show(ref),
    "vm.logs": ({ ref, source }, { upgrade }) => {
      const logs = exec.logs(ref, source);
      upgrade((mux) =>
        exec.attach(async () => {
          await pipeline(logs, mux.stream(0));
          await mux.close();
        }),
      );
      return {};
    },
  };
}
