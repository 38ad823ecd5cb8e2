/**
 * Brings a daemon up in order: its directories, its lock, the database, what the last daemon left, and only then the socket.
 *
 * A daemon that fails at any of these steps leaves no socket, lock or process behind; closing twice is fine.
 */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { daemonMethods } from "@banger/contract/daemon/methods";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import type { Build } from "@banger/contract/daemon/system";
import { AppError, describeChain } from "@banger/contract/errors";
import type { AgentBuild } from "@banger/contract/guest/agent-build";
import type { VmId } from "@banger/contract/ids";
import { lockFile } from "@banger/platform/fs/file-lock";
import { ensurePrivateDir } from "@banger/platform/fs/private-dir";
import type { Logger } from "@banger/platform/log";
import { type RpcServer, startServer } from "@banger/platform/rpc/server";
import { handlers } from "./api/handlers.ts";
import { type Composed, compose } from "./compose.ts";
import type { DaemonConfig } from "./config.ts";
import { daemonPaths } from "./config.ts";
import { forgetHolder, tellHolder } from "./holder.ts";
import type { Ports } from "./ports.ts";
import { openDatabase } from "./recovery/open-state.ts";
import { claimOrphans } from "./recovery/quarantine.ts";
import { reconcile } from "./recovery/reconcile.ts";
import { sweepProofs } from "./services/accel/prove-kvm.ts";
import { agentBuild, bringUpToDate } from "./services/guest/current-agent.ts";
import type { LiveMachine, VmDeps } from "./services/vm/deps.ts";

export type RunningDaemon = AsyncDisposable & {
  readonly socket: string;
  /** lets clients that have commands go, as the death of the daemon would, and leaves the commands to the next one */
  readonly leave: () => void;
};

export type StartOptions = {
  readonly config: DaemonConfig;
  readonly ports: Ports;
  readonly build: Build;
  /** what the agent that machines get says of its build */
  readonly agent: AgentBuild;
  /** called when a client asked the daemon to go */
  readonly requestStop: () => void;
  /** wraps what the machine procedures touch; tests make single steps of it fail or wait */
  readonly wrapMachines?: (deps: VmDeps) => VmDeps;
};

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
  resume(ports, composed, { adopted, agent: paths.agent });
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

/** Machines that run go on being watched, get this build's agent, and have their background commands followed again. */
function resume(
  { exec }: Ports,
  composed: Composed,
  { adopted, agent }: { adopted: readonly VmId[]; agent: string },
): void {
  const { services, vmDeps } = composed;
  for (const id of adopted) {
    const live = vmDeps.live.get(id);
    if (!live) continue;
    services.vm.watch(id);
    void services.machinePorts.resume(id);
    whenRunning(vmDeps.store, id, () => {
      void resumeGuest(id, live, { composed, agent: { file: agent, build: agentBuild(exec, agent) } });
    });
  }
}

/** At once, or when a guest that is held goes on; never when its machine ends before. */
function whenRunning(store: VmDeps["store"], id: VmId, then: () => void): void {
  if (store.get(id)?.state === "running") {
    then();
    return;
  }
  const unsubscribe = store.subscribe(() => {
    const state = store.get(id)?.state;
    if (state === "paused") return;
    unsubscribe();
    if (state === "running") then();
  });
}

async function resumeGuest(
  id: VmId,
  live: LiveMachine,
  { composed, agent }: { composed: Composed; agent: { file: string; build: Promise<string> } },
): Promise<void> {
  const log = composed.vmDeps.log.child({ machine: id });
  const after = upToDate(live, { agent, log });
  try {
    await composed.services.exec.rejoin(id, live, { after });
  } catch (error) {
    log.warn("commands not followed again", { error: describeChain(error) });
  }
}

async function upToDate(
  { guest }: LiveMachine,
  { agent, log }: { agent: { file: string; build: Promise<string> }; log: Logger },
): Promise<void> {
  try {
    const done = await bringUpToDate(guest, { file: agent.file, build: await agent.build }, {});
    if (done === "upgraded") log.info("agent upgraded");
  } catch (error) {
    log.warn("agent not brought up to date", { error: describeChain(error) });
  }
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
