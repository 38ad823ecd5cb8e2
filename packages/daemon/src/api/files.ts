/** Handlers of `files.*`. */
import type { RpcContext } from "@banger/platform/rpc/methods";
import type { Serve } from "../services/files/file-service.ts";
import type { Area, Services } from "./context.ts";

export function filesHandlers({ files, exec }: Services): Area<"files"> {
  const serving = (serve: Serve, { upgrade }: Pick<RpcContext, "upgrade">) => {
    upgrade((mux) => exec.attach(() => serve(mux)));
    return {};
  };
  return {
    "files.stat": (params, waiting) => files.stat(params, waiting),
    "files.get": (params, context) => serving(files.get(params), context),
    "files.put": (params, context) => serving(files.put(params), context),
    "files.read": (params, context) => serving(files.read(params), context),
    "files.write": (params, context) => serving(files.write(params), context),
  };
}
