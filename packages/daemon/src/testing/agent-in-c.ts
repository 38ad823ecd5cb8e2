/** The agent in C as a program of this host, listening on a Unix socket instead of a machine's port. */
import { accessSync, createReadStream, statSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { Connector } from "../services/guest/channel/link.ts";
import type { AgentUnderTest } from "../services/guest/testing/guest-agent-conformance.ts";

const BINARY =
  process.env.BANGER_AGENT ?? fileURLToPath(new URL("../../../../build/guest/banger-agent", import.meta.url));

/** Why there is none to test, if so. */
export function agentMissing(): string | undefined {
  try {
    accessSync(BINARY);
    return undefined;
  } catch {
    // not built: skipped with the reason, unless the machine under test is one that must have everything
    if (process.env.REQUIRE_VM === "1") throw new Error(`${BINARY} is missing; build it with make -C guest/agent`);
    return `${BINARY} is not built`;
  }
}

function connectTo(path: string): Connector {
  return async ({ signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const socket = connect({ path, signal });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
    return await promise;
  };
}

export async function startAgent(): Promise<AgentUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), "banger-agent-"));
  const path = join(directory, "agent.sock");
  const stop = new AbortController();
  const running = createNodeExec()
    .run([BINARY, "--socket", path], { signal: stop.signal, check: false })
    .catch(() => undefined); // it never ends by itself; the abort below is how it does
  const servers: ReturnType<typeof createServer>[] = [];
  return {
    connect: connectTo(path),
    directory,
    user: String(userInfo().uid),
    async listen(serve) {
      const server = createServer({ allowHalfOpen: true }, serve);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address: AddressInfo | string | null = server.address();
      return typeof address === "object" && address ? address.port : 0;
    },
    binary: async () => ({ bytes: createReadStream(BINARY), size: statSync(BINARY).size }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      for (const server of servers) server.close();
      await removeTree(directory, { under: tmpdir() });
    },
  };
}
