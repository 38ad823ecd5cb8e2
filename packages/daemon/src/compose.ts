/** Builds every service, in the order of what needs what. Services are constructed here and in its parts, nowhere else. */
import type { Build } from "@banger/contract/daemon/system";
import type { AgentBuild } from "@banger/contract/guest/agent-build";
import { ExecId, ImageId, KernelId, OperationId, VmId } from "@banger/contract/ids";
import { Actors } from "@banger/platform/actor";
import { newId } from "@banger/platform/new-id";
import type { Services } from "./api/context.ts";
import { doctorChecks } from "./compose-doctor.ts";
import { composePorts, type HostPorts } from "./compose-ports.ts";
import { bootSources, composeStores, type Stores } from "./compose-stores.ts";
import type { DaemonConfig, DaemonPaths } from "./config.ts";
import type { Ports } from "./ports.ts";
import { AccelService } from "./services/accel/accel-service.ts";
import { kvmObstacle, proveKvm } from "./services/accel/prove-kvm.ts";
import { DoctorService } from "./services/doctor/doctor-service.ts";
import { BackgroundCommands } from "./services/exec/background.ts";
import { CommandService } from "./services/exec/command-service.ts";
import { ExecService } from "./services/exec/exec-service.ts";
import { WaitService } from "./services/exec/wait-service.ts";
import { FileService } from "./services/files/file-service.ts";
import { OperationRegistry } from "./services/operation/operation-registry.ts";
import { PortService } from "./services/ports/port-service.ts";
import { StatsService } from "./services/stats/stats-service.ts";
import { DaemonService } from "./services/system/daemon-service.ts";
import { capabilities } from "./services/vm/capabilities/all.ts";
import { ChangeService } from "./services/vm/change-service.ts";
import type { VmDeps } from "./services/vm/deps.ts";
import { HeldGuests } from "./services/vm/held-guests.ts";
import { LifeService } from "./services/vm/life-service.ts";
import { DEFAULT_KERNEL, type NewMachine, newMachine } from "./services/vm/new-machine.ts";
import { PruneService } from "./services/vm/prune-service.ts";
import { Turns } from "./services/vm/turns.ts";
import { VmService } from "./services/vm/vm-service.ts";
import { VmStore } from "./services/vm/vm-store.ts";
import type { Database } from "./store/database.ts";

export type Composition = {
  readonly config: DaemonConfig;
  readonly paths: DaemonPaths;
  readonly ports: Ports;
  readonly database: Database;
  readonly build: Build;
  /** what the agent that machines get says of its build */
  readonly agent: AgentBuild;
  /** called when a client asked the daemon to go */
  readonly requestStop: () => void;
  /** wraps what the machine procedures touch; tests make single steps of it fail or wait */
  readonly wrapMachines?: (deps: VmDeps) => VmDeps;
};

export type Composed = {
  readonly services: Services;
  readonly vmDeps: VmDeps;
  readonly background: BackgroundCommands;
  readonly hostPorts: HostPorts;
  /** removes what dead daemons have left half-made */
  readonly sweep: () => Promise<void>;
};

/** A guest under emulation on a starved host takes its time; one that has not answered by then never will. */
const BOOT_MS = 180_000;
/** A table that is renewed each second waits no longer for one of its rows. */
const STATS_MS = 5_000;

export function compose(composition: Composition): Composed {
  const { paths, ports, database } = composition;
  const store = new VmStore(database);
  const usersOf = (id: string) =>
    store.list().flatMap(({ record }) => (record.image.id === id || record.kernel.id === id ? [record.name] : []));
  const stores = composeStores({ ports, paths, usersOf });
  const live: VmDeps["live"] = new Map();
  const hostPorts = composePorts(composition, { store, live });
  const { listeners, gateway } = hostPorts;
  const { accel, vmDeps } = composeMachines(composition, { stores, store, live, listeners });
  const operations = new OperationRegistry({
    clock: ports.clock,
    log: ports.log,
    newId: () => OperationId.parse(newId()),
  });
  const machines = { ...vmDeps, newMachine: machineMaker(composition, { stores, store }) };
  const newVmId = () => VmId.parse(newId());
  const actors = new Actors();
  const turns = new Turns({ ...vmDeps, operations, actors });
  const held = new HeldGuests({ ...vmDeps, actors });
  const deleteMachine = (id: VmId) => life.deleteIfThere(id);
  const abandoned = (id: VmId) => {
    if (!exec.leaving.aborted) deleteMachine(id); // or it is the next daemon's, which finds it incomplete
  };
  const vm = new VmService({ ...machines, newId: newVmId, operations, actors, turns, held, abandoned });
  const life = new LifeService({ ...vmDeps, turns, held, watch: (id) => vm.watch(id) });
  const changes = new ChangeService({ ...vmDeps, turns, host: ports.host });
  const prune = new PruneService({ ...vmDeps, turns, operations, quarantine: paths.quarantine });
  const machinePorts = new PortService({ ...vmDeps, listeners, actors, gatewayPort: () => gateway.port });
  const { processes, clock, log } = ports;
  const { machines: directory } = paths;
  const background = new BackgroundCommands({ clock, log, deleteMachine });
  const newExecId = () => ExecId.parse(newId());
  const exec = new ExecService({ vm, background, machines: directory, newId: newExecId, clock, deleteMachine });
  const commands = new CommandService({ vm, machines: directory });
  const waits = new WaitService({ ...vmDeps, background });
  const files = new FileService({ vm });
  const stats = new StatsService({ vm, live, processes, clock, machines: paths.machines, guestMs: STATS_MS });
  const { installation } = composition.config;
  const doctor = new DoctorService(doctorChecks({ paths, ports, installation, accel, vmDeps, stores }));
  const daemon = composeStatus(composition, { vm, operations, exec });
  const sweep = async () => void (await Promise.all([stores.images.sweep(), stores.kernels.sweep()]));
  const services = {
    vm,
    life,
    changes,
    prune,
    exec,
    commands,
    waits,
    files,
    stats,
    ...stores,
    operations,
    machinePorts,
    doctor,
    daemon,
    usersOf,
  };
  return { services, vmDeps, background, hostPorts, sweep };
}

function composeMachines(
  { paths, ports, agent, wrapMachines = (deps) => deps }: Composition,
  {
    stores,
    store,
    live,
    listeners,
  }: { stores: Stores } & Pick<VmDeps, "store" | "live"> & Pick<HostPorts, "listeners">,
): { accel: AccelService; vmDeps: VmDeps } {
  const { driver, clock, log, randomBytes, openGuest } = ports;
  const sources = bootSources(stores, { agent: paths.agent, kernelFile: driver.capabilities.kernelFile });
  const newNonce = () => `bng-${newId()}${newId()}`;
  const proof = {
    ...{ driver, directory: paths.proofs, newNonce, openGuest },
    newId: () => VmId.parse(newId()),
    bootFiles: async ({ signal }: { signal: AbortSignal }) => {
      return await sources.bootFiles((await stores.kernels.ensure(DEFAULT_KERNEL, { signal })).manifest.id, { signal });
    },
  };
  const accel = new AccelService({
    file: paths.acceleration,
    bootId: () => ports.processes.bootId(),
    vmmVersion: async (waiting) => (await driver.probe(waiting)).version ?? "none",
    ...{ obstacle: kvmObstacle, log },
    prove: (waiting) => proveKvm(proof, waiting),
  });
  const vmDeps: VmDeps = {
    ...{ store, driver, agent, clock, log, newNonce, openGuest, live, machines: paths.machines, bootMs: BOOT_MS },
    capabilities: capabilities({
      ...sources,
      listeners,
      exec: ports.exec,
      availableMib: ports.availableMib,
      randomBytes,
    }),
    accelerator: async (waiting) => (await accel.decide(waiting)).accelerator,
    bootFiles: sources.bootFiles,
  };
  return { accel, vmDeps: wrapMachines(vmDeps) };
}

function machineMaker({ ports }: Composition, { stores, store }: { stores: Stores; store: VmStore }): NewMachine {
  return newMachine({
    host: ports.host,
    now: () => ports.clock.now(),
    randomHex: (bytes) => ports.randomBytes(bytes).toString("hex"),
    isTaken: (name) => store.list().some(({ record }) => record.name === name),
    image: async (ref, { signal, onStage }) => {
      const { manifest } = await stores.images.ensure(ref, { signal, progress: onStage });
      return { id: ImageId.parse(manifest.id), name: manifest.name };
    },
    kernel: async (ref, { signal, onStage }) => {
      const { manifest } = await stores.kernels.ensure(ref, { signal, progress: onStage });
      return { id: KernelId.parse(manifest.id), name: manifest.name };
    },
  });
}

function composeStatus(
  { build, agent, ports, config, paths, requestStop }: Composition,
  services: { vm: VmService; operations: OperationRegistry; exec: ExecService },
): DaemonService {
  return new DaemonService({
    ...{ build, agent, ...services, requestStop, pid: ports.pid, residentBytes: ports.residentBytes },
    ...{ stateDirectory: config.state, socket: paths.socket, logFile: paths.log },
    startedAt: new Date(ports.clock.now()).toISOString(),
  });
}
