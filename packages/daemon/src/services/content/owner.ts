/** Names a process in file names, so that another one can tell later whether it still runs. */
import { AppError } from "@banger/contract/errors";
import type { Processes } from "@banger/platform/process/processes";
import type { StagingOwner } from "./staging.ts";

const TOKEN = /^([1-9]\d*)-(\d+)-([0-9a-f-]+)$/;

export function createStagingOwner(processes: Pick<Processes, "identify" | "isAlive">, pid: number): StagingOwner {
  const me = processes.identify(pid);
  if (!me) throw new AppError("INTERNAL", `process ${pid} is not there to own directories`);
  return {
    token: `${me.pid}-${me.startTime}-${me.bootId}`,
    isAlive(token) {
      const [, owner, startTime, bootId] = TOKEN.exec(token) ?? [];
      if (owner === undefined || startTime === undefined || bootId === undefined) return false;
      return processes.isAlive({ pid: Number(owner), startTime: Number(startTime), bootId });
    },
  };
}
