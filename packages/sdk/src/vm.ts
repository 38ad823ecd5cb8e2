/** Machines, with their operations followed to the end. */
import type { InputOf } from "@banger/contract/daemon/method";
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

/** Ends the machine if it runs, and removes all that it has. */
export async function deleteVm(client: BangerClient, ref: string, options: Follow = {}): Promise<void> {
  const { operation } = await client.call("vm.delete", { ref });
  await follow(client, operation, options);
}
