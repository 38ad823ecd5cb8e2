/** Machines, with their operations followed to the end. */
import type { InputOf, ResultOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { VmView } from "@banger/contract/daemon/vm";
import type { BangerClient } from "./client.ts";
import { type Follow, follow } from "./operation.ts";

/** A signal that aborts cancels the create; the promise ends when everything was undone. */
export async function createVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.create">,
  options: Follow = {},
): Promise<VmView> {
  const { operation } = await client.call("vm.create", params);
  return VmView.parse(await follow(client, operation, options));
}

export async function startVm(client: BangerClient, ref: string, options: Follow = {}): Promise<VmView> {
  const { operation } = await client.call("vm.start", { ref });
  return VmView.parse(await follow(client, operation, options));
}

export async function stopVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.stop">,
  options: Follow = {},
): Promise<void> {
  const { operation } = await client.call("vm.stop", params);
  await follow(client, operation, options);
}

/** Stopped, if it runs, and started. An aborted signal cancels what is left of it. */
export async function restartVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.restart">,
  options: Follow = {},
): Promise<VmView> {
  const { operation } = await client.call("vm.restart", params);
  return VmView.parse(await follow(client, operation, options));
}

/** Ends its VMM now; the machine stays. */
export async function killVm(client: BangerClient, ref: string, options: Follow = {}): Promise<void> {
  const { operation } = await client.call("vm.kill", { ref });
  await follow(client, operation, options);
}

/** Its root disk is as in its image again. An aborted signal cancels what is left of it. */
export async function resetVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.reset">,
  options: Follow = {},
): Promise<VmView> {
  const { operation } = await client.call("vm.reset", params);
  return VmView.parse(await follow(client, operation, options));
}

/** Holds the machine where it is. */
export async function pauseVm(client: BangerClient, ref: string, options: Follow = {}): Promise<VmView> {
  const { operation } = await client.call("vm.pause", { ref });
  return VmView.parse(await follow(client, operation, options));
}

/** Lets it go on. */
export async function resumeVm(client: BangerClient, ref: string, options: Follow = {}): Promise<VmView> {
  const { operation } = await client.call("vm.resume", { ref });
  return VmView.parse(await follow(client, operation, options));
}

export async function renameVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.rename">,
  options: { signal?: AbortSignal } = {},
): Promise<VmView> {
  return await client.call("vm.rename", params, options);
}

/** What holds only from the next start is told in `nextStart`. */
export async function setVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.set">,
  options: { signal?: AbortSignal } = {},
): Promise<VmView> {
  return await client.call("vm.set", params, options);
}

/** A signal to what was left running in the machine. EXEC_NOT_FOUND when nothing was. */
export async function signalVm(
  client: BangerClient,
  params: InputOf<DaemonMethods, "exec.signal">,
  options: { signal?: AbortSignal } = {},
): Promise<ResultOf<DaemonMethods, "exec.signal">> {
  return await client.call("exec.signal", params, options);
}

/** One that was made `provisional` stays from now on, whatever becomes of its maker. */
export async function keepVm(client: BangerClient, ref: string): Promise<VmView> {
  return await client.call("vm.keep", { ref });
}

/** Ends the machine if it runs, and removes all that it has. */
export async function deleteVm(client: BangerClient, ref: string, options: Follow = {}): Promise<void> {
  const { operation } = await client.call("vm.delete", { ref });
  await follow(client, operation, options);
}
