/** Ports of the host that lead to the machine: taken before it boots, given back when it is gone. */
import type { PublishedPort } from "@banger/contract/daemon/port";
import type { VmId } from "@banger/contract/ids";
import type { Capability } from "../capability.ts";
import type { MachineRecord } from "../machine-record.ts";

/** What listens on this host for machines; those that are open already stay. */
export type PortListeners = {
  open(of: MachineRecord, ports: readonly PublishedPort[]): Promise<unknown>;
  close(id: VmId): Promise<void>;
};

export function publishedPorts(listeners: PortListeners): Capability {
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
