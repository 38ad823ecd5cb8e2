/** Handlers of `port.*`. */
import type { Area, Services } from "./context.ts";

export function portHandlers({ machinePorts, exec }: Services): Area<"port"> {
  return {
    "port.list": ({ ref }, waiting) => machinePorts.list(ref, waiting),
    "port.publish": async ({ ref, ports }, waiting) => ({ published: await machinePorts.publish(ref, ports, waiting) }),
    "port.unpublish": async ({ ref, ports }, waiting) => ({
      published: await machinePorts.unpublish(ref, ports, waiting),
    }),
    "port.forward": async ({ ref, ports }, { signal, progress }) => {
      const listening = () => progress({ listening: true });
      await exec.attach(() => machinePorts.forward(ref, ports, { signal, listening }));
      return {};
    },
  };
}
