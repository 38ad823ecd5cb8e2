/** What the host listens on for machines: the gate, published ports, the HTTP gateway and its page. */
import type { VmId } from "@banger/contract/ids";
import { type DaemonConfig, DEFAULT_HTTP_PORT } from "./config.ts";
import type { Ports } from "./ports.ts";
import { BoardPage } from "./services/ports/board-page.ts";
import { HttpGateway } from "./services/ports/http-gateway.ts";
import { LoopbackGate } from "./services/ports/loopback-gate.ts";
import { portOpener } from "./services/ports/open-port.ts";
import { PortBoard } from "./services/ports/port-board.ts";
import { PublishedListeners } from "./services/ports/published-listeners.ts";
import type { LiveMachine } from "./services/vm/deps.ts";
import type { VmStore } from "./services/vm/vm-store.ts";

export type HostPorts = AsyncDisposable & {
  readonly listeners: PublishedListeners;
  readonly gateway: HttpGateway;
  /** opens the gateway, on the wished port or a later one; never fails */
  readonly open: () => Promise<void>;
};

const NONCE_BYTES = 16;

export function composePorts(
  { ports, config }: { ports: Ports; config: DaemonConfig },
  machines: { store: VmStore; live: ReadonlyMap<VmId, LiveMachine> },
): HostPorts {
  const { log, uid, peerUid, portOwner } = ports;
  const gate = new LoopbackGate({ uid, peerUid });
  const opener = portOpener(machines);
  const nameOf = (id: VmId) => machines.store.get(id)?.record.name;
  const listeners = new PublishedListeners({ gate, log, openPort: opener.open, ownerOf: portOwner, nameOf });
  const board = new PortBoard(machines);
  const page = new BoardPage({
    board,
    gatewayPort: () => gateway.port ?? DEFAULT_HTTP_PORT,
    nonce: () => ports.randomBytes(NONCE_BYTES).toString("base64"),
  });
  const gateway = new HttpGateway({
    ...{ gate, log, openPort: opener.open, named: opener.named },
    page: (request, response) => page.serve(request, response),
  });
  return {
    listeners,
    gateway,
    open: () => gateway.open(config.httpPort ?? DEFAULT_HTTP_PORT),
    async [Symbol.asyncDispose]() {
      board[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
      await listeners[Symbol.asyncDispose]();
    },
  };
}
