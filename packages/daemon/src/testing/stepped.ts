/** The machine procedures with a point before and after each of their steps, at which a test can wait, fail or cancel. */
import type { VmmDriver } from "@banger/vmm/driver";
import type { Capability } from "../services/vm/capability.ts";
import type { VmDeps } from "../services/vm/deps.ts";

/** Called with the step's name, and again with ` done` behind it when its effect is there. */
export type OnStep = (step: string) => void | Promise<void>;

export function stepped(deps: VmDeps, onStep: OnStep): VmDeps {
  const around = async <T>(step: string, run: () => Promise<T>): Promise<T> => {
    await onStep(step);
    const made = await run();
    await onStep(`${step} done`);
    return made;
  };
  return {
    ...deps,
    capabilities: deps.capabilities.map((capability) => steppedCapability(capability, around)),
    driver: steppedDriver(deps.driver, around),
    accelerator: (waiting) => around("accelerator", () => deps.accelerator(waiting)),
    bootFiles: (kernel, waiting) => around("boot files", () => deps.bootFiles(kernel, waiting)),
  };
}

/** Only the start: what ends a machine must work for the host to be as it was. */
function steppedDriver(driver: VmmDriver, around: Around): VmmDriver {
  return {
    name: driver.name,
    capabilities: driver.capabilities,
    probe: (waiting) => driver.probe(waiting),
    start: (spec, waiting) => around("start the VMM", () => driver.start(spec, waiting)),
    adopt: (machine) => driver.adopt(machine),
    endUnrecorded: (nonce, waiting) => driver.endUnrecorded(nonce, waiting),
    sweep: (directory) => driver.sweep(directory),
  };
}

type Around = <T>(step: string, run: () => Promise<T>) => Promise<T>;

function steppedCapability(of: Capability, around: Around): Capability {
  const at = (hook: string) => `${of.name}: ${hook}`;
  const { preflight, prepareHost, verify, afterStart, applyChange, reset, cleanUp, doctor } = of;
  return {
    name: of.name,
    ...(preflight && { preflight: (machine, waiting) => around(at("preflight"), () => preflight(machine, waiting)) }),
    ...(prepareHost && {
      prepareHost: (machine, waiting) => around(at("prepare"), () => prepareHost(machine, waiting)),
    }),
    ...(afterStart && {
      afterStart: (machine, guest, waiting) => around(at("after start"), () => afterStart(machine, guest, waiting)),
    }),
    ...(applyChange && {
      applyChange: (machine, change, waiting) =>
        around(at("apply change"), () => applyChange(machine, change, waiting)),
    }),
    ...(reset && {
      reset: {
        prepare: (machine, waiting) => around(at("prepare reset"), () => reset.prepare(machine, waiting)),
        apply: (machine) => around(at("apply reset"), () => reset.apply(machine)),
        discard: reset.discard,
      },
    }),
    ...(cleanUp && { cleanUp: (machine, why) => around(at("clean up"), () => cleanUp(machine, why)) }),
    ...(verify && { verify }),
    ...(doctor && { doctor }),
  };
}
