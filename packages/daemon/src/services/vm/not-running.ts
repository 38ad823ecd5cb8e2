/** Why a machine can not be reached, told at once and not by a wait that never ends. */
import { AppError } from "@banger/contract/errors";

export function notRunning(name: string, state: string): AppError {
  return new AppError(state === "paused" ? "VM_PAUSED" : "VM_NOT_RUNNING", `${name} is ${state}`, {
    facts: { machine: name, state },
  });
}
