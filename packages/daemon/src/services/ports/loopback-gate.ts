/**
 * Who may use what the daemon listens on. Whoever is on this host can connect to a loopback port, so the kernel is asked
 * whose connection it is; the owner of the daemon and root may, everybody else and whoever is unknown may not.
 */
import { BlockList, type Socket } from "node:net";
import type { Connection } from "@banger/platform/process/socket-table";

export type GateDeps = {
  readonly uid: number;
  readonly peerUid: (connection: Connection) => Promise<number | undefined>;
};

/** `foreign` came over a network: only an address that the user chose to listen on lets such connections come. */
export type Judgement = "ours" | "foreign" | "refused";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

export class LoopbackGate {
  readonly #deps: GateDeps;

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  async judge(socket: Socket): Promise<Judgement> {
    const connection = connectionOf(socket);
    if (!connection) return "refused";
    const uid = await this.#deps.peerUid(connection).catch(() => undefined); // no answer, no way in
    if (uid !== undefined) return uid === this.#deps.uid || uid === 0 ? "ours" : "refused";
    const { address } = connection.remote;
    const isLocal = loopback.check(address, address.includes(":") ? "ipv6" : "ipv4");
    return isLocal || address === connection.local.address ? "refused" : "foreign";
  }
}

/** An IPv4 connection to a listener of both families is written as what it is. */
function connectionOf(socket: Socket): Connection | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || remoteAddress === undefined) return undefined; // it is gone already
  if (localPort === undefined || remotePort === undefined) return undefined;
  const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/, "");
  return {
    local: { address: plain(localAddress), port: localPort },
    remote: { address: plain(remoteAddress), port: remotePort },
  };
}
