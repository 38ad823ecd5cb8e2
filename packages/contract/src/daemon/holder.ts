/**
 * Who holds a state directory, told in a file of it while its socket can be asked. A client with another runtime directory
 * (a cron job's, another login's) finds the one daemon by it.
 */
import * as z from "zod";

export const DaemonHolder = z.object({ pid: z.number(), socket: z.string() });
export type DaemonHolder = z.infer<typeof DaemonHolder>;
