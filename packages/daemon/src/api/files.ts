/** Handlers of `files.*`. */
import type { Area, Services } from "./context.ts";

export function filesHandlers({ files, exec }: Services): Area<"files"> {
  return {
    "files.stat": (params, waiting) => files.stat(params, waiting),
    "files.get": (params, { upgrade }) => {
      const serve = files.get(params);
      upgrade((mux) => exec.attach(() => serve(mux)));
      return {};
    },
    "files.put": (params, { upgrade }) => {
      const serve = files.put(params);
      upgrade((mux) => exec.attach(() => serve(mux)));
      return {};
    },
    "files.read": (params, { upgrade }) => {
      const serve = files.read(params);
      upgrade((mux) => exec.attach(() => serve(mux)));
      return {};
    },
    "files.write": (params, { upgrade }) => {
      const serve = files.write(params);
      upgrade((mux) => exec.attach(() => serve(mux)));
      return {};
    },
  };
}
