/**
 * Files of machines. The daemon passes bytes: it opens no path of its own host, and does not look into an archive.
 * A path is one in the machine, absolute. Contents travel on stream 0 of the upgraded connection.
 */
import * as z from "zod";
import { Ref } from "../ids.ts";
import { guestFailures } from "./failures.ts";
import type { Methods } from "./method.ts";

/** The home of the guest's user; paths that are not absolute begin there. */
export const GUEST_HOME = "/root";

export const contentStream = 0;

const Path = z
  .string()
  .min(1)
  .max(4095)
  .regex(/^\/[^\0]*$/);

export const GuestFile = z.object({
  kind: z.enum(["file", "directory", "link", "other"]),
  /** permissions, as in chmod(2) */
  mode: z.int().min(0).max(0o7777),
  /** bytes */
  size: z.number(),
  /** since 1970, `ns`, decimal */
  mtimeNs: z.string(),
});
export type GuestFile = z.infer<typeof GuestFile>;

/** The last thing on stream 0 after the client has ended its half: one JSON document, when it is all on the guest's disk. */
export const PutEnd = z.object({ entries: z.number(), bytes: z.number() });
export type PutEnd = z.infer<typeof PutEnd>;

const failures = [...guestFailures, "GUEST_FILE_NOT_FOUND"] as const;

export const filesMethods = {
  /** Links are followed. */
  "files.stat": {
    params: z.strictObject({ ref: Ref, path: Path }),
    result: GuestFile,
    errors: failures,
    effect: "read",
  },
  /** A pax archive of the members of a directory, of all of it without members; links that are named are followed. */
  "files.get": {
    params: z.strictObject({
      ref: Ref,
      directory: Path,
      members: z.array(z.string().min(1).max(255)).max(64).default([]),
    }),
    result: z.object({}),
    errors: failures,
    effect: "read",
    upgrade: "bytes",
  },
  /** Unpacks an archive into a directory that is there. Owners are not kept. */
  "files.put": {
    params: z.strictObject({ ref: Ref, directory: Path }),
    result: z.object({}),
    errors: failures,
    effect: "write",
    upgrade: "bytes",
  },
  /** What a file holds. */
  "files.read": {
    params: z.strictObject({ ref: Ref, path: Path }),
    result: z.object({}),
    errors: failures,
    effect: "read",
    upgrade: "bytes",
  },
  /** Makes a file, or replaces what it holds. */
  "files.write": {
    params: z.strictObject({ ref: Ref, path: Path }),
    result: z.object({}),
    errors: failures,
    effect: "write",
    upgrade: "bytes",
  },
} as const satisfies Methods;
