/** What a person typed, to a machine: the exact id or name first, only then an unambiguous prefix of an id. */
import { AppError } from "@banger/contract/errors";
import type { Machine } from "./vm-store.ts";

export function findMachine(machines: readonly Machine[], ref: string): Machine {
  const exact = machines.find(({ record }) => record.id === ref) ?? machines.find(({ record }) => record.name === ref);
  if (exact) return exact;
  const [found, other] = machines.filter(({ record }) => record.id.startsWith(ref));
  if (!found) throw new AppError("VM_NOT_FOUND", `there is no machine ${JSON.stringify(ref)}`, { facts: { ref } });
  if (!other) return found;
  throw new AppError("REF_AMBIGUOUS", `${JSON.stringify(ref)} could be ${found.record.name} or ${other.record.name}`, {
    facts: { ref },
  });
}
