/** The part of composing that concerns the doctor. Called by compose.ts only. */
import type { Stores } from "./compose-stores.ts";
import type { DaemonPaths } from "./config.ts";
import type { Ports } from "./ports.ts";
import type { AccelService } from "./services/accel/accel-service.ts";
import { DEBIAN_HOST } from "./services/debian/host-sources.ts";
import type { Check } from "./services/doctor/doctor-service.ts";
import * as host from "./services/doctor/host-checks.ts";
import * as state from "./services/doctor/state-checks.ts";
import * as vmm from "./services/doctor/vmm-checks.ts";
import type { VmDeps } from "./services/vm/deps.ts";

export type Examined = {
  readonly paths: DaemonPaths;
  readonly installation: string;
  readonly ports: Ports;
  readonly accel: AccelService;
  readonly vmDeps: VmDeps;
  readonly stores: Stores;
};

/** In the order in which they are shown. */
export function doctorChecks(examined: Examined): readonly Check[] {
  const { capabilities } = examined.vmDeps;
  return [
    ...hostChecks(examined),
    ...vmmChecks(examined),
    ...stateChecks(examined),
    ...capabilities.flatMap(({ name, doctor }) => (doctor ? [{ name, run: doctor }] : [])),
  ];
}

function hostChecks({ paths, installation, ports }: Examined): readonly Check[] {
  return [
    host.programs(ports.programPath),
    host.debianSources(DEBIAN_HOST),
    host.buildNamespaces(ports.exec, ports.builder),
    host.builtFiles([paths.launcher, paths.agent, paths.native], installation),
    host.space(paths.machines),
  ];
}

function vmmChecks({ paths, ports, accel, vmDeps }: Examined): readonly Check[] {
  const running = () =>
    vmDeps.store.list().flatMap(({ record }) => {
      const handles = vmDeps.live.get(record.id)?.process.handles;
      return handles ? [{ name: record.name, handles }] : [];
    });
  return [
    vmm.vmm(ports.driver),
    vmm.acceleration(accel),
    vmm.network(),
    vmm.isolationHere(ports.exec, paths.launcher),
    vmm.isolation(running),
  ];
}

function stateChecks({ paths, vmDeps, stores: { images, kernels } }: Examined): readonly Check[] {
  return [
    state.machines(() => vmDeps.store.list()),
    state.content({ kind: "image", list: () => images.list(), look: (id) => images.show(id) }),
    state.content({ kind: "kernel", list: () => kernels.list(), look: (id, waiting) => kernels.show(id, waiting) }),
    state.keptDatabases(paths.database),
    state.quarantine(paths.quarantine),
  ];
}
