/** Configured values as people read them. */
import { formatMib } from "@banger/contract/sizes";
import { formatDetachKeys } from "../arguments/detach-keys.ts";
import { publishedAddress } from "../arguments/published-port.ts";
import { formatDuration } from "../output/time.ts";
import type { KeyName, Values } from "./keys.ts";

const formats: { readonly [K in KeyName]: (value: Values[K]) => string } = {
  image: String,
  kernel: String,
  vcpu: String,
  memory: formatMib,
  disk: formatMib,
  env: (entries) => Object.keys(entries).join(", "),
  ports: (ports) => ports.map((port) => `${publishedAddress(port)} to ${port.guest}`).join(", "),
  command: (words) => words.map(quoted).join(" "),
  "stop-time": formatDuration,
  "detach-keys": formatDetachKeys,
  "http-port": String,
};

/** Undefined for what is not configured. */
export function formatValue<K extends KeyName>(key: K, values: Partial<Values>): string | undefined {
  const value: Values[K] | undefined = values[key];
  return value === undefined ? undefined : formats[key](value);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
