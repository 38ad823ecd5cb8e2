/** The options that say what a machine shall be; `run` and `create` share them. */
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { PublishedPort } from "@banger/contract/daemon/port";
import { parseName } from "@banger/contract/names";
import type { Values } from "../config/keys.ts";
import type { Input } from "../program/command.ts";
import { environmentOption } from "./environment.ts";
import { parseRef } from "./parse-ref.ts";
import { publishOption } from "./published-port.ts";
import { imageRef, kernelRef } from "./refs.ts";
import { parseDisk, parseMemory, parseVcpu } from "./sizing.ts";

/** What a machine is made with, and can be given another of. */
export const sizeOptions = {
  vcpu: { value: "N", help: "processors, 1 to 32", parse: (text: string) => parseVcpu(text) },
  memory: {
    short: "m",
    value: "SIZE",
    help: "memory, such as 512MiB, 4G or 2048 (MiB)",
    parse: (text: string) => parseMemory(text),
  },
  disk: { value: "SIZE", help: "size of its work disk, such as 20G", parse: (text: string) => parseDisk(text) },
} as const;

export const machineOptions = {
  name: {
    value: "NAME",
    help: "its name; a pleasant one is made up without",
    parse: (text: string) => parseName(text),
  },
  image: {
    value: "IMAGE",
    help: "what its root disk holds (default: debian-bookworm)",
    parse: parseRef,
    completes: imageRef.completes,
  },
  kernel: {
    value: "KERNEL",
    help: "the kernel it boots (default: Debian's)",
    parse: parseRef,
    completes: kernelRef.completes,
  },
  vcpu: { ...sizeOptions.vcpu, help: `${sizeOptions.vcpu.help} (default: a quarter of this host's, at most 4)` },
  memory: {
    ...sizeOptions.memory,
    help: `${sizeOptions.memory.help} (default: an eighth of this host's, 512M to 8G)`,
  },
  disk: { ...sizeOptions.disk, help: `${sizeOptions.disk.help} (default: 8G)` },
  env: environmentOption,
  publish: publishOption,
  "no-project": { help: "leave the .banger.toml of the directory aside" },
} as const;

type Options = Input<Record<never, never>, typeof machineOptions>["options"];

/** What was asked for, over what is configured. */
export function createParams(options: Options, configured: Partial<Values> = {}): InputOf<DaemonMethods, "vm.create"> {
  const { name, image = configured.image, kernel = configured.kernel } = options;
  const { vcpu = configured.vcpu, memory = configured.memory, disk = configured.disk } = options;
  const environment = withDefaults(options.env, configured.env);
  const published = [...options.publish, ...(configured.ports ?? []).filter((port) => !has(options.publish, port))];
  return {
    ...(name !== undefined && { name }),
    ...(image !== undefined && { image }),
    ...(kernel !== undefined && { kernel }),
    ...(vcpu !== undefined && { vcpus: vcpu }),
    ...(memory !== undefined && { memoryMib: memory }),
    ...(disk !== undefined && { diskMib: disk }),
    ...(environment.length > 0 && { environment }),
    ...(published.length > 0 && { published }),
  };
}

function withDefaults(given: readonly string[], defaults: Values["env"] = {}): string[] {
  const asked = new Set(given.map((entry) => entry.slice(0, entry.indexOf("="))));
  const others = Object.entries(defaults).filter(([key]) => !asked.has(key));
  return [...others.map(([key, value]) => `${key}=${value}`), ...given];
}

/** A port of the guest that was asked for leads where that says, and not where a file does, too. */
function has(asked: readonly PublishedPort[], { guest }: PublishedPort): boolean {
  return asked.some((port) => port.guest === guest);
}
