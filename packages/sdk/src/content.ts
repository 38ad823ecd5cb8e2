/** Building images and pulling kernels, followed to the end. */
import { ImageView } from "@banger/contract/daemon/image";
import { KernelView } from "@banger/contract/daemon/kernel";
import type { BangerClient } from "./client.ts";
import { type Follow, follow } from "./operation.ts";

export async function buildImage(client: BangerClient, recipe: string, options: Follow = {}): Promise<ImageView> {
  const { operation } = await client.call("image.build", { recipe });
  return ImageView.parse(await follow(client, operation, options));
}

export async function pullKernel(client: BangerClient, name: string, options: Follow = {}): Promise<KernelView> {
  const { operation } = await client.call("kernel.pull", { name });
  return KernelView.parse(await follow(client, operation, options));
}
