/** QEMU's sockets in a machine's directory. The launcher makes them, so they accept before QEMU has come up. */
import { join } from "node:path";
import { socketPath } from "@banger/platform/fs/socket-path";

export const sockets = { qmp: "qmp.sock", agent: "agent.sock" } as const;

export const socketNames = ["qmp", "agent"] as const satisfies readonly (keyof typeof sockets)[];

export function qemuSocket(directory: string, name: keyof typeof sockets): string {
  return socketPath(join(directory, sockets[name]));
}
