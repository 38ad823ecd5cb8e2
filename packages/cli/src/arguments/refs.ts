/** Arguments that name one of the things that there are, the same for every command that takes one. */
import { parseRef } from "./parse-ref.ts";

const named = { help: "name, or the beginning of an id", parse: parseRef } as const;

export const machineRef = { ...named, completes: { ref: "machine" } } as const;
export const runningMachineRef = { ...named, completes: { ref: "machine", in: ["running"] } } as const;
export const imageRef = { ...named, completes: { ref: "image" } } as const;
export const kernelRef = { ...named, completes: { ref: "kernel" } } as const;
export const operationRef = {
  help: "the beginning of an id",
  parse: parseRef,
  completes: { ref: "operation" },
} as const;
