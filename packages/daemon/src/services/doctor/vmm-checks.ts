/** How machines run here: the VMM, what accelerates it, what stands around it, what they reach. */
import type { DoctorRow } from "@banger/contract/daemon/system";
import { IsolationProbe } from "@banger/contract/launcher";
import type { Exec } from "@banger/platform/exec/run";
import type { VmmDriver, VmmHandles } from "@banger/vmm/driver";
import type { AccelService } from "../accel/accel-service.ts";
import type { Check } from "./doctor-service.ts";

const PROBE_MS = 10_000;

export function vmm(driver: VmmDriver): Check {
  return {
    name: "vmm",
    run: async (waiting) => {
      const { version, detail, fix } = await driver.probe(waiting);
      return [{ check: driver.name, status: version === null ? "fail" : "ok", detail, ...(fix && { fix }) }];
    },
  };
}

export function acceleration(accel: AccelService): Check {
  return {
    name: "acceleration",
    run: async (waiting) => {
      const verdict = await accel.known(waiting);
      if (!verdict)
        return [{ check: "acceleration", status: "ok", detail: "decided by proof when the first machine starts" }];
      const hardware = verdict.accelerator === "kvm";
      const boundary = hardware ? "" : "; emulation is a convenience, not a security boundary";
      return [
        {
          check: "acceleration",
          status: hardware ? "ok" : "warn",
          detail: `${verdict.accelerator}: ${verdict.reason}${boundary}`,
        },
      ];
    },
  };
}

export function network(): Check {
  const detail = "shut: a machine reaches nothing, and nothing reaches it but through its agent";
  return { name: "network", run: () => Promise.resolve([{ check: "network", status: "ok", detail }]) };
}

/** Which namespaces the next VMM would get. */
export function isolationHere(exec: Exec, launcher: string): Check {
  return {
    name: "isolation",
    run: async ({ signal }) => {
      const { stdout } = await exec.run([launcher, "--probe-isolation"], { signal, deadlineMs: PROBE_MS });
      const around = IsolationProbe.parse(JSON.parse(stdout.toString("utf8")));
      return [isolationRow("isolation", { namespaces: around.isolation, reason: around.reason })];
    },
  };
}

/** Which namespaces stand around the VMMs that run now. */
export function isolation(
  running: () => ReadonlyArray<{ readonly name: string; readonly handles: VmmHandles }>,
): Check {
  return {
    name: "isolation",
    run: () =>
      Promise.resolve(running().map(({ name, handles }) => isolationRow(`isolation of ${name}`, handles.isolation))),
  };
}

function isolationRow(check: string, { namespaces, reason }: VmmHandles["isolation"]): DoctorRow {
  const detail = `namespaces: ${namespaces.join(", ") || "none"}${reason === null ? "" : ` (${reason})`}`;
  return { check, status: reason === null ? "ok" : "warn", detail };
}
