/**
 * Operations: anything that can take longer than a blink.
 *
 * A method that begins one answers with its id at once; `operation.wait` follows it. The client that began an operation owns it:
 * when its connection ends before `operation.detach`, the operation is cancelled.
 */
import * as z from "zod";
import { OperationId } from "../ids.ts";
import type { Methods } from "./method.ts";

export const OperationKind = z.enum([
  "vm.create",
  "vm.start",
  "vm.stop",
  "vm.restart",
  "vm.kill",
  "vm.pause",
  "vm.resume",
  "vm.reset",
  "vm.delete",
  "prune",
  "image.build",
  "kernel.pull",
]);
export type OperationKind = z.infer<typeof OperationKind>;

export const Stage = z.object({
  name: z.string(),
  /** since the operation began, `ms` */
  startMs: z.number(),
  /** `null` while it runs */
  durationMs: z.number().nullable(),
  doneBytes: z.number().optional(),
  totalBytes: z.number().optional(),
  /** of a stage that takes long: how long it has waited, and the last that was heard */
  note: z.string().optional(),
});
export type Stage = z.infer<typeof Stage>;

export const ErrorView = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

export type ErrorView = z.infer<typeof ErrorView>;

export const OperationView = z.object({
  id: OperationId,
  kind: OperationKind,
  /** what it is about: a machine's, an image's or a kernel's name, or words where there is none yet */
  subject: z.string(),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  /** ISO 8601 */
  startedAt: z.string(),
  /** `ms`; `null` while it runs */
  durationMs: z.number().nullable(),
  stages: z.array(Stage),
  /** of a finished operation: the machine, image or kernel as its `show` answers it */
  result: z.unknown().optional(),
  error: ErrorView.optional(),
});
export type OperationView = z.infer<typeof OperationView>;

const one = z.strictObject({ operation: OperationId });

export const operationMethods = {
  "operation.list": {
    params: z.strictObject({}),
    result: z.object({ operations: z.array(OperationView) }),
    errors: [],
    effect: "read",
  },
  "operation.status": { params: one, result: OperationView, errors: ["OPERATION_NOT_FOUND"], effect: "read" },
  /** Answers when the operation has ended; `$/progress` carries an OperationView at each change. */
  "operation.wait": { params: one, result: OperationView, errors: ["OPERATION_NOT_FOUND"], effect: "read" },
  "operation.cancel": { params: one, result: OperationView, errors: ["OPERATION_NOT_FOUND"], effect: "write" },
  /** The operation outlives the client that began it. */
  "operation.detach": { params: one, result: z.object({}), errors: ["OPERATION_NOT_FOUND"], effect: "write" },
} as const satisfies Methods;
