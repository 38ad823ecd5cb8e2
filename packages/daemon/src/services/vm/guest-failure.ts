/** Why a guest did not come up, told from what its console says and how its VMM ended. */
import { AppError } from "@banger/contract/errors";
import type { VmmExit } from "@banger/vmm/driver";
import type { Prepared } from "./capability.ts";
import { consoleTail } from "./console-tail.ts";

const SEARCHED_LINES = 200;
const PANIC = /Kernel panic - not syncing: (.*?)(?: \]---)?$/;
const FATAL = /banger: fatal: (.*)/;

export async function guestFailure(machine: Prepared, why: { exit?: VmmExit; waitedMs?: number }): Promise<AppError> {
  // A panic is followed by the registers and the call trace, so it is looked for far above the last lines.
  const lines = await consoleTail(machine.files.console, { lines: SEARCHED_LINES });
  const last = lines.slice(-4).join(" | ");
  const facts = { machine: machine.record.name, console: last };
  const panic = matchIn(lines, PANIC);
  if (panic !== undefined)
    return new AppError("GUEST_PANICKED", `the kernel of ${machine.record.name} panicked: ${panic}`, { facts });
  const fatal = matchIn(lines, FATAL);
  if (fatal !== undefined)
    return new AppError("GUEST_PANICKED", `${machine.record.name} cannot boot: ${fatal}`, { facts });
  const console = last === "" ? "its console is empty" : `its console ends with: ${last}`;
  if (why.exit) {
    const how = why.exit.signal ?? `status ${why.exit.status}`;
    return new AppError(
      "VMM_DIED",
      `the VMM of ${machine.record.name} ended with ${how} before the guest was up; ${console}`,
      { facts },
    );
  }
  return new AppError(
    "GUEST_SILENT",
    `the agent of ${machine.record.name} did not answer within ${why.waitedMs ?? 0} ms; ${console}`,
    { facts },
  );
}

function matchIn(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).findLast((found) => found !== undefined);
}
