/** Kernels: bundles of vmlinuz, vmlinux, modules and initramfs. */
import * as z from "zod";
import { KernelId, OperationId, Ref } from "../ids.ts";
import type { Methods } from "./method.ts";

export const KernelView = z.object({
  id: KernelId,
  name: z.string(),
  /** `uname -r` */
  release: z.string(),
  architecture: z.string(),
  /** ISO 8601 */
  createdAt: z.string(),
  /** what it takes on the host's disk, bytes */
  bytes: z.number(),
  usedBy: z.array(z.string()),
});
export type KernelView = z.infer<typeof KernelView>;

const one = z.strictObject({ ref: Ref });

export const kernelMethods = {
  "kernel.pull": {
    params: z.strictObject({ name: z.string().min(1).max(63) }),
    result: z.object({ operation: OperationId }),
    errors: ["KERNEL_NOT_FOUND", "DISK_FULL", "PREREQUISITE_MISSING", "DOWNLOAD_FAILED", "BUILD_FAILED"],
    effect: "write",
  },
  "kernel.list": {
    params: z.strictObject({}),
    result: z.object({ kernels: z.array(KernelView) }),
    errors: [],
    effect: "read",
  },
  "kernel.show": {
    params: one,
    result: KernelView,
    errors: ["KERNEL_NOT_FOUND", "REF_AMBIGUOUS", "KERNEL_CORRUPT"],
    effect: "read",
  },
  "kernel.delete": {
    params: one,
    result: z.object({ id: KernelId }),
    errors: ["KERNEL_NOT_FOUND", "REF_AMBIGUOUS", "IN_USE"],
    effect: "write",
  },
} as const satisfies Methods;
