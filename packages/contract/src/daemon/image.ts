/** Images: root file systems, built once and never changed. */
import * as z from "zod";
import { ImageId, OperationId, Ref } from "../ids.ts";
import type { Methods } from "./method.ts";

export const ImageView = z.object({
  id: ImageId,
  name: z.string(),
  architecture: z.string(),
  /** the init that the image brings, or null when the agent is PID 1 */
  init: z.string().nullable(),
  /** ISO 8601 */
  createdAt: z.string(),
  /** what it takes on the host's disk, bytes */
  bytes: z.number(),
  /** machines that use it */
  usedBy: z.array(z.string()),
});
export type ImageView = z.infer<typeof ImageView>;

const one = z.strictObject({ ref: Ref });

export const imageMethods = {
  "image.build": {
    params: z.strictObject({ recipe: z.string().min(1).max(63) }),
    result: z.object({ operation: OperationId }),
    errors: ["IMAGE_NOT_FOUND", "DISK_FULL", "PREREQUISITE_MISSING", "DOWNLOAD_FAILED", "BUILD_FAILED"],
    effect: "write",
  },
  "image.list": {
    params: z.strictObject({}),
    result: z.object({ images: z.array(ImageView) }),
    errors: [],
    effect: "read",
  },
  "image.show": {
    params: one,
    result: ImageView,
    errors: ["IMAGE_NOT_FOUND", "REF_AMBIGUOUS", "IMAGE_CORRUPT"],
    effect: "read",
  },
  "image.delete": {
    params: one,
    result: z.object({ id: ImageId }),
    errors: ["IMAGE_NOT_FOUND", "REF_AMBIGUOUS", "IN_USE"],
    effect: "write",
  },
} as const satisfies Methods;
