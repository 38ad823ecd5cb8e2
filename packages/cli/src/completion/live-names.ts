/**
 * Names that only the daemon knows. Somebody waits with a finger on the key, so whatever goes wrong, or takes too long, is no
 * names at all; and no daemon is started for it.
 */
import { sanitize } from "@banger/contract/guest-text";
import { formatBytes } from "@banger/contract/sizes";
import type { BangerClient } from "@banger/sdk/client";
import { type FindOptions, findDaemon } from "@banger/sdk/daemon/find-daemon";
import type { RefKind } from "../program/command.ts";
import type { Candidate } from "./complete.ts";

/** What a shell may put into a line as it is; a name that needs quotes is not offered. */
const PLAIN = /^[\w.:/@+-]+$/;
/** what a person does not notice, `ms` */
const DEADLINE_MS = 200;

export async function liveNames(kind: RefKind, where: FindOptions): Promise<readonly Candidate[]> {
  return await askDaemon(where, (client, signal) => names(client, kind, signal));
}

type Ask = (client: BangerClient, signal: AbortSignal) => Promise<readonly Candidate[]>;

export async function askDaemon(
  { deadlineMs = DEADLINE_MS, ...where }: FindOptions & { readonly deadlineMs?: number },
  ask: Ask,
): Promise<readonly Candidate[]> {
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const client = await findDaemon({ ...where, signal });
    if (!client) return [];
    using _closed = { [Symbol.dispose]: () => client.close() };
    const found = await ask(client, signal);
    return found.filter(({ value }) => PLAIN.test(value)).map(({ value, help }) => ({ value, help: sanitize(help) }));
  } catch {
    return []; // a line that is being typed is no place to complain
  }
}

async function names(client: BangerClient, kind: RefKind, signal: AbortSignal): Promise<readonly Candidate[]> {
  const wanted = (state: string) => kind.in === undefined || kind.in.includes(state);
  if (kind.ref === "machine") {
    const { machines } = await client.call("vm.list", {}, { signal });
    return machines
      .filter(({ state }) => wanted(state))
      .map(({ name, state, image }) => ({ value: name, help: `${state}, ${image.name}` }));
  }
  if (kind.ref === "image") {
    const { images } = await client.call("image.list", {}, { signal });
    return images.map(({ name, bytes }) => ({ value: name, help: formatBytes(bytes) }));
  }
  if (kind.ref === "kernel") {
    const { kernels } = await client.call("kernel.list", {}, { signal });
    return kernels.map(({ name, release }) => ({ value: name, help: release }));
  }
  const { operations } = await client.call("operation.list", {}, { signal });
  return operations
    .filter(({ state }) => wanted(state))
    .map(({ id, kind: what, subject, state }) => ({ value: id, help: `${what} ${subject}, ${state}` }));
}
