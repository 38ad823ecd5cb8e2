/** What is known about a built image: its manifest, as stored beside the files. */
import * as z from "zod";
import { ContentId } from "../content/content-id.ts";

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const ROOT_FILE = "root.ext4";
export const WORK_SEED_FILE = "work-seed.ext4";
export const PACKAGES_FILE = "packages.txt";

export const ImageManifest = z.object({
  format: z.literal(1),
  id: ContentId,
  name: z.string(),
  description: z.string(),
  /** ISO 8601 */
  createdAt: z.string(),
  recipe: z.object({ sha256: Sha256 }),
  suite: z.string(),
  architecture: z.string(),
  /** path in the image, or null: the agent is PID 1 */
  init: z.string().nullable(),
  files: z.array(
    z.object({
      name: z.string(),
      /** apparent size, `bytes` */
      bytes: z.int(),
      /** of ext4 files: as `readSparseContent` counts, holes left out */
      sha256: Sha256,
    }),
  ),
  workSeed: z
    .object({
      /** apparent size, `bytes` */
      bytes: z.int(),
      sha256: Sha256,
      /** where it holds data: offset and length, `bytes` */
      extents: z.array(z.tuple([z.int(), z.int()])),
    })
    .nullable(),
});
export type ImageManifest = z.infer<typeof ImageManifest>;
