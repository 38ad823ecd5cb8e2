/** bangerd: reads arguments, environment and signals, and nothing else does. */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, realpathSync, writeSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { AppError, describeChain, errorCatalog } from "@banger/contract/errors";
import { parseAgentBuild } from "@banger/contract/guest/agent-build";
import { agent, builtAt, commit, version } from "@banger/contract/version";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { baseDirs, type Env } from "@banger/platform/fs/paths";
import { ensurePrivateDir } from "@banger/platform/fs/private-dir";
import { refusedWrite } from "@banger/platform/fs/refused-write";
import { findNative, loadNative, type Native } from "@banger/platform/native";
import { closeInherited } from "@banger/platform/process/inherited";
import { portOwner } from "@banger/platform/process/port-owner";
import { createProcesses } from "@banger/platform/process/processes";
import { SocketOwners } from "@banger/platform/process/socket-table";
import { systemClock } from "@banger/platform/time/clock";
import { QemuDriver } from "@banger/vmm/qemu/driver";
import { type DaemonConfig, daemonPaths } from "./config.ts";
import { availableMib, readHost } from "./host.ts";
import { openLog } from "./logging.ts";
import { type DaemonOptions, parseOptions } from "./options.ts";
import type { Ports } from "./ports.ts";
import { proxyEnvOf } from "./services/debian/proxy-env.ts";
import { GuestChannel } from "./services/guest/channel/guest-channel.ts";
import { collectWhenIdle } from "./services/system/idle-collection.ts";
import { startDaemon } from "./start-daemon.ts";
import { Database } from "./store/database.ts";
import { measureTsc } from "./tsc.ts";

const NAME = "banger";
const READY_FD = 3;
const SESSION_BYTES = 16;
/** for finding out who has a port; a message without the name is better than none */
const LOOK_MS = 2_000;
let hasAnnounced = false;
const build = { version, commit, builtAt };

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.command === "version") {
    process.stdout.write(`bangerd ${version} (${commit}, built ${builtAt})\n`);
    return 0;
  }
  if (!options.foreground) closeInherited({ keep: [READY_FD] });
  const config = configOf(options, process.env);
  if (options.command === "check-migrations") return checkMigrations(daemonPaths(config).database);
  await run(config, options).catch((error: unknown) => {
    throw refusedWrite(error, config.state) ?? error;
  });
  return 0;
}

async function run(config: DaemonConfig, options: DaemonOptions): Promise<void> {
  const stop = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.resolve(signal));
  process.on("SIGHUP", () => undefined); // a terminal that goes away is no reason to go
  await ensurePrivateDir(config.state); // the log is there
  const ports = makePorts(config, process.env, options);
  const requestStop = () => stop.resolve("a client asked for it");
  await using daemon = await startDaemon({ config, ports, build, agent: parseAgentBuild(agent), requestStop });
  if (!options.foreground) announce(daemon.socket);
  const idling = collectIdleMemory(ports.native);
  ports.log.info("daemon stopping", { why: await stop.promise });
  idling.abort();
}

/** Without `--expose-gc` memory is V8's business alone. */
function collectIdleMemory(native: Pick<Native, "trimHeap">): AbortController {
  const stop = new AbortController();
  const workedMs = () => performance.eventLoopUtilization().active;
  const { gc } = globalThis;
  if (!gc) return stop;
  const collect = () => {
    gc();
    // after 120 copies at once a hundred megabytes of it are pieces that are long gone
    native.trimHeap();
  };
  void collectWhenIdle({ clock: systemClock, signal: stop.signal, workedMs, collect });
  return stop;
}

/** Whoever started us waits for this line. */
function announce(socket: string): void {
  writeSync(READY_FD, `ready ${socket}\n`);
  closeSync(READY_FD);
  hasAnnounced = true;
}

/** Whoever started us gets the reason even if the disk takes no log. */
function announceFailure(reason: string): void {
  if (hasAnnounced) return; // the descriptor is closed, and may be another file's by now
  try {
    const fd = fstatSync(READY_FD);
    if (fd.isSocket() || fd.isFIFO()) writeSync(READY_FD, reason);
  } catch {
    // started by hand
  }
}

function configOf(options: DaemonOptions, env: Env): DaemonConfig {
  const dirs = baseDirs(env, { name: NAME, uid: userInfo().uid });
  return {
    state: options.state ?? dirs.data,
    runtime: options.runtime ?? dirs.runtime,
    cache: options.cache ?? dirs.cache,
    installation: installation(),
    ...(options.httpPort !== undefined && { httpPort: options.httpPort }),
  };
}

/** The directory that holds build/ and images/, found from where this program lies. */
function installation(): string {
  const self = realpathSync(process.argv[1] ?? ".");
  const addon = findNative(self);
  if (addon === undefined)
    throw new AppError("PREREQUISITE_MISSING", "banger is not built: build/native/banger.node is missing");
  return dirname(dirname(dirname(addon)));
}

function makePorts(config: DaemonConfig, env: Env, options: DaemonOptions): Ports {
  const paths = daemonPaths(config);
  const log = openLog(paths.log, { echo: options.foreground });
  const native = loadNative(paths.native);
  const processes = createProcesses(native);
  const exec = createNodeExec();
  const launcher = { exec, processes, launcher: paths.launcher };
  const { uid, username } = userInfo();
  return {
    ...{ exec, native, processes, log, clock: systemClock, randomBytes, uid, pid: process.pid },
    residentBytes: () => process.memoryUsage.rss(),
    host: readHost(),
    availableMib,
    programPath: env.PATH ?? "",
    proxyEnv: proxyEnvOf(env),
    builder: { uid, userName: username },
    driver: new QemuDriver({ ...launcher, binary: "qemu-system-x86_64", tscKhz: measureTsc(exec, paths.launcher) }),
    ...hostSockets(),
    openGuest: (vmm) =>
      GuestChannel.open({
        connect: (waiting) => vmm.connectAgent(waiting),
        session: randomBytes(SESSION_BYTES),
        build: `${version}+${commit}`,
        alive: () => processes.isAlive(vmm.handles.launcher),
      }),
  };
}

function hostSockets(): Pick<Ports, "peerUid" | "portOwner"> {
  const owners = new SocketOwners();
  return {
    peerUid: (connection) => owners.peerUid(connection),
    portOwner: (port) => portOwner(port, { signal: AbortSignal.timeout(LOOK_MS) }),
  };
}

/** 0: up to date, 1: migrations are pending, 2: a newer banger wrote it. */
function checkMigrations(database: string): number {
  const { version: found, newest } = Database.inspect(database);
  process.stdout.write(`schema ${found}, this banger knows ${newest}\n`);
  return found === newest ? 0 : found < newest ? 1 : 2;
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    const known = AppError.is(error) ? error : new AppError("INTERNAL", describeChain(error), { cause: error });
    const { code, message, hint } = known;
    const reason = JSON.stringify({ code, message, hint });
    const isDetached = !process.argv.includes("--foreground");
    if (isDetached) announceFailure(reason);
    process.stderr.write(`bangerd: ${describeChain(error)}\n${hint}\n`);
    // The last line is for the client that started us and reads our log.
    if (isDetached) process.stderr.write(`${reason}\n`);
    process.exit(errorCatalog[known.code].exit);
  },
);
