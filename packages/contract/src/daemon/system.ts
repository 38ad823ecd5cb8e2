/** The daemon itself, and the host it stands on. */
import * as z from "zod";
import { AgentBuild } from "../guest/agent-build.ts";
import type { Methods } from "./method.ts";

export const Build = z.object({ version: z.string(), commit: z.string(), builtAt: z.string() });
export type Build = z.infer<typeof Build>;

export const DaemonStatus = z.object({
  build: Build,
  /** that it puts into machines; a daemon that is older does not tell */
  agent: AgentBuild.optional(),
  pid: z.number(),
  /** ISO 8601 */
  startedAt: z.string(),
  stateDirectory: z.string(),
  socket: z.string(),
  logFile: z.string(),
  machines: z.object({ total: z.number(), running: z.number() }),
  operations: z.number(),
  /** bytes */
  residentBytes: z.number(),
});
export type DaemonStatus = z.infer<typeof DaemonStatus>;

export const DoctorRow = z.object({
  check: z.string(),
  status: z.enum(["ok", "warn", "fail"]),
  detail: z.string(),
  /** the command that mends it */
  fix: z.string().optional(),
});
export type DoctorRow = z.infer<typeof DoctorRow>;

export const systemMethods = {
  "daemon.status": { params: z.strictObject({}), result: DaemonStatus, errors: [], effect: "read", frozen: true },
  /** `ifIdle` refuses while anything is under way that would end with the daemon; machines keep running either way. */
  "daemon.stop": {
    params: z.strictObject({ ifIdle: z.boolean().default(false) }),
    result: z.object({ pid: z.number() }),
    errors: ["DAEMON_BUSY"],
    effect: "write",
    frozen: true,
  },
  "doctor.run": {
    params: z.strictObject({}),
    result: z.object({ rows: z.array(DoctorRow) }),
    errors: [],
    effect: "read",
  },
} as const satisfies Methods;
