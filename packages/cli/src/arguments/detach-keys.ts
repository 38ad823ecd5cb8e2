/** `--detach-keys`: the keys that leave a command running, as docker writes them. */
import { AppError } from "@banger/contract/errors";

const DEFAULT = "ctrl-p,ctrl-q";
const KEYS_MAX = 8;

/** `ctrl-p,ctrl-q`, `a,ctrl-]`; `none` for no keys at all → what a terminal sends for them */
export function parseDetachKeys(text: string, name = "--detach-keys"): Buffer {
  if (text === "none") return Buffer.alloc(0);
  const keys = text.split(",").map(byteOf);
  const known = keys.flatMap((key) => key ?? []);
  if (known.length === keys.length && keys.length <= KEYS_MAX) return Buffer.from(known);
  throw new AppError("USAGE", `${name} ${JSON.stringify(text)} are no keys`, {
    hint: `Write up to ${KEYS_MAX} keys such as ctrl-p,ctrl-q, or none: a letter, or ctrl- and one of a-z @ [ \\ ] ^ _.`,
  });
}

function byteOf(key: string): number | undefined {
  const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
  return /^[ -~]$/.test(key) ? key.charCodeAt(0) : undefined;
}

/** As they are typed. */
export function formatDetachKeys(keys: Buffer): string {
  const typed = [...keys].map((byte) => {
    if (byte >= 32) return String.fromCharCode(byte);
    return `ctrl-${String.fromCharCode(byte + 64).toLowerCase()}`;
  });
  return typed.length === 0 ? "none" : typed.join(",");
}

export const detachKeysOption = {
  value: "KEYS",
  help: `with a terminal: leave the command running at these keys, or none (default: ${DEFAULT})`,
  parse: (text: string) => parseDetachKeys(text),
} as const;

export const defaultDetachKeys = parseDetachKeys(DEFAULT);
