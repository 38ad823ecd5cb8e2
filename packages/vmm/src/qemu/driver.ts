/**
 * QEMU's microvm machine. Works everywhere; under TCG it is a convenience, not a security boundary.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { readLastLine } from "@banger/platform/fs/read-tail";
import { Rollback } from "@banger/platform/rollback";
import { raceAbort, startDeadline } from "@banger/platform/time/deadline";
import type { Capabilities, Probe, VmmDriver, VmmHandles, VmmProcess, VmmSpec } from "../driver.ts";
import { endByNonce, launch } from "../launcher.ts";
import { qemuArgv } from "./argv.ts";
import { qemuSocket, socketNames, sockets } from "./paths.ts";
import { QemuProcess, type QemuProcessDeps } from "./process.ts";

export type QemuDeps = QemuProcessDeps & {
  /** name or path of qemu-system-x86_64 */
  readonly binary: string;
  /** the host's TSC rate, kHz; `undefined` where it cannot be told */
  readonly tscKhz: () => Promise<number | undefined>;
  /** how long QEMU may take until its monitor answers, `ms`; 30 s when absent */
  readonly monitorMs?: number;
};

const OLDEST = { major: 7, minor: 2 };
/** QEMU listens on its monitor before it runs the guest; a busy host takes seconds to get there. */
const MONITOR_MS = 30_000;
const UNDO_MS = 10_000;

export class QemuDriver implements VmmDriver {
  readonly name = "qemu";
  readonly capabilities: Capabilities = {
    agentTransport: "virtio-serial",
    kernelFile: "vmlinuz",
    rootFormats: new Set(["raw", "qcow2"]),
    userNetwork: true,
    pause: true,
    poweroffEnds: true,
  };
  readonly #deps: QemuDeps;

  constructor(deps: QemuDeps) {
    this.#deps = deps;
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<Probe> {
    const fix = "apt-get install qemu-system-x86";
    try {
      const { stdout } = await this.#deps.exec.run([this.#deps.binary, "--version"], { signal, deadlineMs: 10_000 });
      const version = /version (\d+)\.(\d+)[.\d]*/.exec(stdout.toString("utf8"));
      const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
      const enough = major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
      const text = version?.[0].replace("version ", "") ?? "unknown";
      return enough
        ? { version: text, detail: `QEMU ${text}` }
        : { version: null, detail: `QEMU ${text} is older than ${OLDEST.major}.${OLDEST.minor}`, fix };
    } catch (error) {
      if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
      return { version: null, detail: error.message, fix };
    }
  }

  async start(spec: VmmSpec, { signal }: { signal: AbortSignal }): Promise<VmmProcess> {
    for (const name of socketNames) qemuSocket(spec.directory, name); // too long a path must stop us before a VMM runs
    await using rollback = new Rollback({ budgetMs: UNDO_MS });
    rollback.guard("sockets", () => this.sweep(spec.directory));
    rollback.guard("unrecorded", (undo) => endByNonce(this.#deps, spec.nonce, { signal: undo }));
    const argv = qemuArgv(spec, { binary: this.#deps.binary, tscKhz: await this.#deps.tscKhz() });
    const listen = Object.values(sockets);
    const handles = await launch(this.#deps, spec, { driver: this.name, argv, listen, signal });
    const vmm = new QemuProcess(this.#deps, { directory: spec.directory, handles });
    await this.#untilUp(vmm, spec, signal);
    rollback.commit();
    return vmm;
  }

  adopt(machine: { directory: string; handles: VmmHandles }): Promise<VmmProcess | undefined> {
    const alive = this.#deps.processes.isAlive(machine.handles.launcher);
    return Promise.resolve(alive ? new QemuProcess(this.#deps, machine) : undefined);
  }

  async endUnrecorded(nonce: string, options: { signal: AbortSignal }): Promise<void> {
    await endByNonce(this.#deps, nonce, options);
  }

  async sweep(directory: string): Promise<void> {
    for (const name of Object.values(sockets)) await rm(join(directory, name), { force: true });
  }

  /** Races the monitor's first answer against the end of the VMM; the VMM's own words go into the error. */
  async #untilUp(vmm: QemuProcess, spec: VmmSpec, signal: AbortSignal): Promise<void> {
    using deadline = startDeadline(signal, { ms: this.#deps.monitorMs ?? MONITOR_MS, what: "QEMU's monitor" });
    const died = vmm.exited.then(async (exit) => {
      const how = exit.signal === null ? `status ${exit.status}` : exit.signal;
      const words = await readLastLine(join(spec.directory, "vmm.log"));
      const message = `QEMU ended with ${how} as it started${words === "" ? "" : `: ${words}`}`;
      throw new AppError("VMM_START_FAILED", message, {
        facts: { ...(exit.signal !== null && { signal: exit.signal }) },
      });
    });
    died.catch(() => undefined); // told by the race, or much later by `exited`
    // A monitor that hangs up is an ending QEMU; its exit status says more, unless it does not end.
    const up = vmm
      .untilUp(deadline)
      .catch((error: unknown) => (AppError.is(error, "TIMEOUT") ? Promise.reject(error) : died));
    await raceAbort(Promise.race([up, died]), deadline.signal);
  }
}
