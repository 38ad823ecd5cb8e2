/** Handlers of `exec.*`. */
import type { Area, Services } from "./context.ts";

export function execHandlers({ exec, commands }: Services): Area<"exec"> {
  return {
    "exec.run": async (params, { signal, connection, upgrade }) => {
      const { serve, ...started } = await exec.run(params, { signal, connection });
      upgrade(serve);
      return started;
    },
    "exec.attach": async (params, { signal, connection, upgrade }) => {
      const { serve, ...taken } = await exec.takeUp(params, { signal, connection });
      upgrade(serve);
      return taken;
    },
    "exec.detach": async (params) => await exec.detach(params),
    "exec.list": async ({ ref }) => ({ commands: await commands.list(ref) }),
    "exec.signal": async ({ ref, signal: number }, { signal }) => ({
      commands: await commands.signal(ref, number, { signal }),
    }),
  };
}
