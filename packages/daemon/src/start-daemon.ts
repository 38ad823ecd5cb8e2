/**
 * Brings a daemon up in order: its directories, its lock, the database, what the last daemon left, and only then the socket.
 *
 * A daemon that fails at any of these steps leaves no socket, lock or process behind; closing twice is fine.
 */
import { type DaemonMethods, daemonMethods } from "@banger/contract/daemon/methods";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import { AppError, describeChain } from "@banger/contract/errors";
import { lockFile } from "@banger/platform/fs/file-lock";
import { ensurePrivateDir } from "@banger/platform/fs/private-dir";
import { type RpcServer, startServer } from "@banger/platform/rpc/server";
import { handlers } from "./api/handlers.ts";
import { type Composed, type Composition, compose } from "./compose.ts";
import { daemonPaths } from "./config.ts";
import { forgetHolder, tellHolder } from "./holder.ts";
import { openDatabase } from "./recovery/open-state.ts";
import { claimOrphans } from "./recovery/quarantine.ts";
import { reconcile } from "./recovery/reconcile.ts";
import { resume } from "./recovery/resume.ts";
import { sweepProofs } from "./services/accel/prove-kvm.ts";

export type RunningDaemon = AsyncDisposable & {
  readonly socket: string;
  /** lets clients that have commands go, as the death of the daemon would, and leaves the commands to the next one */
  readonly leave: () => void;
};

export type StartOptions = Omit<Composition, "paths" | "database">;

/** how long requests under way may take to notice that the daemon goes, `ms` */
const CLOSE_MS = 2_000;

export async function startDaemon(options: StartOptions): Promise<RunningDaemon> {
  const { config, ports } = options;
  const paths = daemonPaths(config);
  await using stack = new AsyncDisposableStack();
  for (const directory of [config.state, config.runtime, config.cache, paths.machines, paths.proofs])
    await ensurePrivateDir(directory);
  stack.use(await lockFile(paths.lock, { native: ports.native }));
  await forgetHolder(paths.holder);
  const database = stack.use(await openDatabase(paths.database, { log: ports.log, now: () => ports.clock.now() }));
  const composed = stack.adopt(compose({ ...options, paths, database }), close);
  await claimOrphans({ ...composed.vmDeps, quarantine: paths.quarantine });
  const { adopted } = await reconcile(composed.vmDeps);
  await sweepProofs({ driver: composed.vmDeps.driver, directory: paths.proofs });
  await composed.sweep();
  resume(adopted, composed, { exec: ports.exec, agent: paths.agent });
  await composed.hostPorts.open();
  stack.adopt(await listen(options, composed, paths.socket), (server) => server.close({ graceMs: CLOSE_MS }));
  const leave = () => composed.services.exec.leave();
  stack.defer(leave);
  stack.use(await tellHolder(paths.holder, { pid: ports.pid, socket: paths.socket }, ports.log));
  const running = stack.move();
  ports.log.info("daemon ready", { socket: paths.socket, adopted: adopted.length });
  return { socket: paths.socket, leave, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function listen({ config, ports, build }: StartOptions, composed: Composed, socket: string): Promise<RpcServer> {
  return await startServer<DaemonMethods>({
    path: socket,
    table: daemonMethods,
    handlers: handlers(composed.services),
    hello: { protocol: PROTOCOL, build, state: config.state },
    peerOf: ports.native.peerCredentials,
    authorize: ({ uid }) => {
      if (uid === ports.uid || uid === 0) return;
      throw new AppError("UNAUTHORIZED", `this daemon belongs to uid ${ports.uid}, not to ${uid}`, { facts: { uid } });
    },
    onUndeclared: ({ code }, method) => ports.log.error("undeclared error code", { method, code }),
    onInternalError: (error, method) => ports.log.error("request failed", { method, error: describeChain(error) }),
  });
}

/** Lets go of everything but the machines: operations end, channels close, VMMs stay. */
async function close({ services, vmDeps, background, hostPorts }: Composed): Promise<void> {
  await hostPorts[Symbol.asyncDispose]();
  await services.operations.close();
  for (const { guest, process } of vmDeps.live.values()) {
    await guest[Symbol.asyncDispose]();
    await process[Symbol.asyncDispose]();
  }
  vmDeps.live.clear();
  await background.settled();
}
