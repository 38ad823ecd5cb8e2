/** Handlers of `vm.*`. */
import { createReadStream } from "node:fs";
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
    "vm.logs": async ({ ref, source }, { upgrade }) => {
      const logs = await exec.logs(ref, source);
      upgrade(async (mux) => {
        const out = mux.stream(0);
        for (const file of logs.files)
          await pipeline(createReadStream(file.path, { end: file.bytes - 1 }), out, { end: false });
        out.end();
        await mux.close();
      });
      return { bytes: logs.bytes };
    },
  };
}
