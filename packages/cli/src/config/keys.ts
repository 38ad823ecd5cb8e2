/**
 * What can be configured, as data: which files may say it, which variable, and how a value is judged, by the very parser
 * of the option that it stands for.
 */
import { isIP } from "node:net";
import type { PublishedPort } from "@banger/contract/daemon/port";
import { parseDetachKeys } from "../arguments/detach-keys.ts";
import { parseCount, parseDurationMs } from "../arguments/parse-number.ts";
import { parseRef } from "../arguments/parse-ref.ts";
import { parsePublishedPort } from "../arguments/published-port.ts";
import { parseDisk, parseMemory, parseVcpu } from "../arguments/sizing.ts";
import { isTable, list, numberOrText, text, wholeNumber, wrongType } from "./value-types.ts";

export type KeySpec = {
  readonly help: string;
  /** what holds without it, as a reader understands it */
  readonly fallback: string;
  /** which files may have it: the user's own, a project's, or both */
  readonly in: readonly ("file" | "project")[];
  /** the variable of the environment that may say it, too, and how its text is judged */
  readonly variable?: { readonly name: string; readonly parse: (text: string, name: string) => unknown };
  /** of a value in a file; throws AppError for what can not be meant */
  readonly read: (raw: unknown, name: string) => unknown;
};

const BOTH = ["file", "project"] as const;
const FILE = ["file"] as const;
const PROJECT = ["project"] as const;
const MAX_STOP_MS = 600_000;
const FIRST_UNPRIVILEGED = 1024;
const SHELL = ["/bin/sh", "-c"];

export const keys = {
  image: {
    ...{ help: "what the root disk of new machines holds", fallback: "debian-bookworm" },
    ...{ in: BOTH, variable: { name: "BANGER_IMAGE", parse: parseRef }, read: text(parseRef) },
  },
  kernel: {
    ...{ help: "the kernel that new machines boot", fallback: "Debian's" },
    ...{ in: FILE, variable: { name: "BANGER_KERNEL", parse: parseRef }, read: text(parseRef) },
  },
  vcpu: {
    ...{ help: "processors of new machines", fallback: "a quarter of this host's, 1 to 4" },
    ...{ in: BOTH, variable: { name: "BANGER_VCPU", parse: parseVcpu }, read: wholeNumber(parseVcpu) },
  },
  memory: {
    ...{ help: "memory of new machines", fallback: "an eighth of this host's, 512 MiB to 8 GiB" },
    ...{ in: BOTH, variable: { name: "BANGER_MEMORY", parse: parseMemory }, read: numberOrText(parseMemory) },
  },
  disk: {
    ...{ help: "size of the work disk of new machines", fallback: "8 GiB" },
    ...{ in: BOTH, variable: { name: "BANGER_DISK", parse: parseDisk }, read: numberOrText(parseDisk) },
  },
  env: {
    ...{ help: "environment of new machines, a table of texts", fallback: "nothing" },
    ...{ in: BOTH, read: readEnvironment },
  },
  ports: {
    ...{ help: "ports of 127.0.0.1 that lead to a new machine, a list of HOST:GUEST", fallback: "none" },
    ...{ in: PROJECT, read: readPorts },
  },
  command: {
    ...{ help: "what `run PATH` runs without a command: a list, or a line for a shell", fallback: "a shell" },
    ...{ in: PROJECT, read: readCommand },
  },
  "stop-time": {
    ...{ help: "how long a guest may take to power off", fallback: "10s" },
    ...{ in: FILE, variable: { name: "BANGER_STOP_TIME", parse: readStopTime }, read: numberOrText(readStopTime) },
  },
  "detach-keys": {
    ...{ help: "the keys that leave a command running at a terminal, or none", fallback: "ctrl-p,ctrl-q" },
    ...{ in: FILE, variable: { name: "BANGER_DETACH_KEYS", parse: parseDetachKeys }, read: text(parseDetachKeys) },
  },
  "http-port": {
    ...{ help: "where the daemon serves HTTP ports of machines by name, from its next start on", fallback: "7080" },
    ...{ in: FILE, variable: { name: "BANGER_HTTP_PORT", parse: readPort }, read: wholeNumber(readPort) },
  },
} as const satisfies Record<string, KeySpec>;

export type Keys = typeof keys;
export type KeyName = keyof Keys;
export type Values = { readonly [K in KeyName]: ReturnType<Keys[K]["read"]> };

export function isKey(name: string): name is KeyName {
  return Object.hasOwn(keys, name);
}

/** Values only: what this host's environment has is not asked for by a file that somebody else may have written. */
function readEnvironment(raw: unknown, name: string): Readonly<Record<string, string>> {
  if (!isTable(raw)) throw wrongType(name, 'a table, such as { KEY = "value" }');
  const entries = Object.entries(raw).map(([key, value]): [string, string] => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) throw wrongType(`${name}.${key}`, "named by letters, digits and _");
    if (typeof value !== "string" || value.includes("\0")) throw wrongType(`${name}.${key}`, 'a text, such as "value"');
    return [key, value];
  });
  return Object.fromEntries(entries);
}

/** A file that came with a repository opens nothing but unprivileged ports of this host's own loopback. */
function readPorts(raw: unknown, name: string): readonly PublishedPort[] {
  return list(parsePublishedPort)(raw, name).map((port) => {
    const isLoopback = port.address === "::1" || (isIP(port.address) === 4 && port.address.startsWith("127."));
    if (!isLoopback) throw wrongType(name, `of 127.0.0.1: ${port.address} takes --publish`);
    if (port.host < FIRST_UNPRIVILEGED)
      throw wrongType(name, `from ${FIRST_UNPRIVILEGED} on: ${port.host} takes --publish`);
    return port;
  });
}

function readCommand(raw: unknown, name: string): readonly string[] {
  if (typeof raw === "string" && raw.trim() !== "" && !raw.includes("\0")) return [...SHELL, raw];
  const words = Array.isArray(raw) ? list((word) => word)(raw, name) : [];
  if (words.length > 0 && !words.some((word) => word.includes("\0"))) return words;
  throw wrongType(name, 'a text, or a list of texts such as ["make", "test"]');
}

function readStopTime(value: string, name: string): number {
  return parseDurationMs(value, { name, maxMs: MAX_STOP_MS });
}

function readPort(value: string, name: string): number {
  return parseCount(value, { name, min: 1, max: 65_535 });
}
