/** From a prepared machine to an answering guest. What fails here is undone by the caller through teardown. */
import { AppError } from "@banger/contract/errors";
import { raceAbort } from "@banger/platform/time/deadline";
import type { VmmExit, VmmProcess } from "@banger/vmm/driver";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import { configure } from "../guest/configure.ts";
import type { OnStage } from "../operation/operation.ts";
import type { Contribution, Prepared } from "./capability.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { guestFailure } from "./guest-failure.ts";
import { writeHandles } from "./handles.ts";
import type { MachineRecord } from "./machine-record.ts";
import { findDamage, watchSlowBoot } from "./slow-boot.ts";

export type Booting = { readonly signal: AbortSignal; readonly onStage: OnStage };

export async function boot(deps: VmDeps, machine: Prepared, { signal, onStage }: Booting): Promise<LiveMachine> {
  onStage({ name: "prepare" });
  for (const capability of deps.capabilities) await capability.preflight?.(machine, { signal });
  const contributions: Contribution[] = [];
  for (const capability of deps.capabilities) {
    contributions.push((await capability.prepareHost?.(machine, { signal })) ?? {});
  }
  onStage({ name: "boot" });
  const process = await startVmm(deps, machine, { contributions, signal });
  const live = { process, guest: deps.openGuest(process) };
  deps.live.set(machine.record.id, live);
  await writeHandles(machine.files, process.handles);
  await untilAnswering(deps, machine, { live, signal, onStage });
  onStage({ name: "configure" });
  // Neither needs the other, and a guest under emulation takes its time over both.
  await Promise.all([
    configureGuest(deps, live.guest, { contributions, signal }),
    ...deps.capabilities.map((capability) => capability.afterStart?.(machine, live.guest, { signal })),
  ]);
  return live;
}

async function startVmm(
  deps: VmDeps,
  { record, files }: Prepared,
  how: { contributions: readonly Contribution[]; signal: AbortSignal },
): Promise<VmmProcess> {
  const { kernel, initramfs } = await deps.bootFiles(record.kernel.id, how);
  const run = runOf(record);
  return await deps.driver.start(
    {
      id: record.id,
      directory: files.directory,
      nonce: run.nonce,
      vcpus: record.vcpus,
      memoryMib: record.memoryMib,
      kernel: { path: kernel, initramfs },
      commandLine: how.contributions.flatMap((each) => each.commandLine ?? []),
      disks: how.contributions.flatMap((each) => each.disks ?? []),
      accelerator: run.accelerator,
      network: "shut",
    },
    how,
  );
}

/** A machine is booted only after its run was written down. */
function runOf(record: MachineRecord): NonNullable<MachineRecord["run"]> {
  if (record.run) return record.run;
  throw new Error(`machine ${record.id} has no run`);
}

type First = "ready" | "silent" | { readonly exit: VmmExit };

/** Readiness is an event, raced against the end of the VMM, damage that is found meanwhile, and a deadline. */
async function untilAnswering(
  deps: VmDeps,
  machine: Prepared,
  how: Booting & { readonly live: LiveMachine },
): Promise<void> {
  const { live, signal } = how;
  const begun = deps.clock.monotonic();
  await using slow = watchSlowBoot(deps, machine, how);
  const gone = live.process.exited.then((exit) => ({ exit }));
  const ready = live.guest.ready({ signal, deadlineMs: deps.bootMs }).then<First, First>(
    () => "ready" as const,
    (error: unknown): "silent" | typeof gone => {
      // The channel has seen the end of the VMM before we did; how it ended is told by `gone`.
      if (AppError.is(error, "VMM_DIED")) return gone;
      if (AppError.is(error, "GUEST_SILENT")) return "silent" as const;
      throw error;
    },
  );
  const first = await raceAbort(Promise.race([ready, gone, slow.damage]), signal);
  if (first === "ready") return;
  const early = AppError.is(first) ? first : undefined;
  const waitedMs = early ? Math.round(deps.clock.monotonic() - begun) : deps.bootMs;
  const failure = await guestFailure(machine, typeof first === "object" && "exit" in first ? first : { waitedMs });
  const damage = early ?? (await findDamage(deps, machine, { signal }));
  if (!damage) throw failure;
  const { code, message, hint, facts } = damage;
  throw new AppError(code, message, { hint, facts, cause: failure });
}

/** The clock is read last, when the guest is about to take it. */
async function configureGuest(
  deps: VmDeps,
  guest: GuestChannel,
  how: { contributions: readonly Contribution[]; signal: AbortSignal },
): Promise<void> {
  const request = Object.assign({}, ...how.contributions.map((each) => each.configure ?? {}));
  const clockNs = BigInt(Math.round(deps.clock.now())) * 1_000_000n;
  await configure(guest, { ...request, clockNs }, { signal: how.signal });
}
