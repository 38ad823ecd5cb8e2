/** What lies in a directory of a running machine: its own `ls` says so, or nobody does. */
import { addAbortListener } from "node:events";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "@banger/sdk/client";
import type { FindOptions } from "@banger/sdk/daemon/find-daemon";
import type { Candidate, GuestDirectory } from "./complete.ts";
import { askDaemon } from "./live-names.ts";

/** a machine that is slower than this is not waited for, `ms` */
const DEADLINE_MS = 80;
/** of names; a directory that has more is no help in a line, bytes */
const MAX_BYTES = 256 << 10;

export async function liveGuestPaths(place: GuestDirectory, where: FindOptions): Promise<readonly Candidate[]> {
  return await askDaemon({ ...where, deadlineMs: DEADLINE_MS }, (client, signal) => list(client, place, signal));
}

async function list(
  client: BangerClient,
  { machine: ref, directory }: GuestDirectory,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const { parseGuestPath } = await import("@banger/sdk/files/guest-path");
  const argv = ["ls", "-1ApL", "--", parseGuestPath(directory).path];
  const { mux } = await client.upgrade("exec.run", { ref, argv }, { signal });
  const leave = () => mux.destroy(new AppError("CANCELLED", "nobody waits for it any more"));
  using _late = addAbortListener(signal, leave);
  let text = "";
  for await (const piece of mux.stream(execStreams.stdout)) {
    text += piece;
    if (text.length > MAX_BYTES) break;
  }
  leave();
  return text.length > MAX_BYTES ? [] : text.split("\n").map((value) => ({ value, help: "" }));
}
