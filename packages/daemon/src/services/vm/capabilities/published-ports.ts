/** Ports of the host that lead to the machine: taken before it boots, given back when it is gone. */
import type { PublishedListeners } from "../../ports/published-listeners.ts";
import type { Capability } from "../capability.ts";

export function publishedPorts(listeners: PublishedListeners): Capability {
  return {
    name: "published ports",
    async prepareHost({ record }) {
      await listeners.open(record, record.published);
      return {};
    },
    async cleanUp({ record }) {
      await listeners.close(record.id);
    },
  };
}
