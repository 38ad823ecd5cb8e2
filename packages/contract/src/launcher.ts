/** What the launcher says: one line when the VMM runs, one file when it has ended. */
import * as z from "zod";

const started = z.object({
  launcher: z.int().positive(),
  /** clock ticks since boot, field 22 of /proc/PID/stat */
  launcherStart: z.int().nonnegative(),
  vmm: z.int().positive(),
  vmmStart: z.int().nonnegative(),
  /** namespaces made for the VMM */
  isolation: z.array(z.string()),
  /** why others are missing */
  reason: z.string().nullable(),
});

const refused = z.object({ error: z.string(), errno: z.int() });

/** The launcher's only line on standard output. */
export const LauncherReport = z.union([started, refused]);
export type LauncherReport = z.infer<typeof LauncherReport>;

/** Content of `exit.json`. */
export const LauncherExit = z.object({ status: z.int().nullable(), signal: z.string().nullable() });
export type LauncherExit = z.infer<typeof LauncherExit>;

/** What it answers to `--probe-isolation`: the namespaces that `--isolate auto` gives here. */
export const IsolationProbe = z.object({ isolation: z.array(z.string()), reason: z.string().nullable() });
