/** Why a guest did not come up, or went, told from what its console says and how its VMM ended. */
import { AppError } from "@banger/contract/errors";
import type { VmmExit } from "@banger/vmm/driver";
import type { Prepared } from "./capability.ts";
import { consoleTail } from "./console-tail.ts";

const SEARCHED_LINES = 200;
const PANIC = /Kernel panic - not syncing: (.*?)(?: \]---)?$/;
const FATAL = /banger: fatal: (.*)/;

type Console = { readonly panic: string | undefined; readonly fatal: string | undefined; readonly last: string };

/** A guest that did not come up: its VMM ended, or it did not answer in time. */
export async function guestFailure(machine: Prepared, why: { exit?: VmmExit; waitedMs?: number }): Promise<AppError> {
  const { name } = machine.record;
  const console = await readConsole(machine);
  const facts = { machine: name, console: console.last };
  if (console.panic !== undefined) return panicked(name, console.panic, facts);
  if (console.fatal !== undefined)
    return new AppError("GUEST_PANICKED", `${name} cannot boot: ${console.fatal}`, { facts });
  const what = why.exit
    ? `the VMM of ${name} ended with ${howOf(why.exit)} before the guest was up`
    : `the agent of ${name} did not answer within ${why.waitedMs ?? 0} ms`;
  return new AppError(why.exit ? "VMM_DIED" : "GUEST_SILENT", `${what}; ${endOf(console)}`, { facts });
}

/** A guest that was up and is gone, unless it powered itself off. A kernel that panics resets, and that looks the same. */
export async function guestEnded(machine: Prepared, exit: VmmExit): Promise<AppError | undefined> {
  const { name } = machine.record;
  const console = await readConsole(machine);
  const facts = { machine: name, console: console.last };
  if (console.panic !== undefined) return panicked(name, console.panic, facts);
  if (exit.status === 0) return undefined;
  return new AppError("VMM_DIED", `the VMM of ${name} ended with ${howOf(exit)}; ${endOf(console)}`, { facts });
}

function panicked(name: string, panic: string, facts: { machine: string; console: string }): AppError {
  return new AppError("GUEST_PANICKED", `the kernel of ${name} panicked: ${panic}`, { facts });
}

async function readConsole(machine: Prepared): Promise<Console> {
  // A panic is followed by the registers and the call trace, so it is looked for far above the last lines.
  const lines = await consoleTail(machine.files.console, { lines: SEARCHED_LINES });
  return { panic: matchIn(lines, PANIC), fatal: matchIn(lines, FATAL), last: lines.slice(-4).join(" | ") };
}

function howOf(exit: VmmExit): string {
  return exit.signal ?? `status ${exit.status}`;
}

function endOf({ last }: Console): string {
  return last === "" ? "its console is empty" : `its console ends with: ${last}`;
}

function matchIn(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).findLast((found) => found !== undefined);
}
