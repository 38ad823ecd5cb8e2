/** Handlers of `exec.*`. */
import type { Area, Services } from "./context.ts";

export function execHandlers({ exec, commands }: Services): Area<"exec"> {
  return {
    "exec.run": async (params, { signal, upgrade }) => {
      const { serve, ...started } = await exec.run(params, { signal });
      upgrade(serve);
      return started;
    },
    "exec.detach": async (params) => await exec.detach(params),
    "exec.signal": async ({ ref, signal: number }, { signal }) => ({
      commands: await commands.signal(ref, number, { signal }),
    }),
  };
}
