/** What was configured, put together: variables win over the project's file, and that over the user's. */
import { AppError } from "@banger/contract/errors";
import type { Env } from "../program/context.ts";
import { isKey, type KeySpec, keys, type Values } from "./keys.ts";
import { type LayerFile, readLayer } from "./read-layer.ts";
import type { Origin, Settings } from "./settings.ts";
import { naming } from "./value-types.ts";

export type Entry = Origin & { readonly value: unknown };

/** `files` in the order in which they win. */
export function putTogether(env: Env, files: readonly LayerFile[]): Settings {
  const entries = [...readVariables(env), ...files.flatMap(readLayer)];
  const origins: Origin[] = [];
  const values: Record<string, unknown> = {};
  for (const { value, ...origin } of entries) {
    const { key, name } = origin;
    if (origins.some((one) => one.key === key && one.name === name)) continue;
    origins.push(origin);
    values[key] = name === undefined ? value : { ...Object(value), ...Object(values[key]) };
  }
  // Every value came out of its key's own reader.
  return { values: values as Partial<Values>, origins };
}

function readVariables(env: Env): Entry[] {
  return Object.entries<KeySpec>(keys).flatMap(([key, { variable }]): Entry[] => {
    const text = variable && env[variable.name];
    if (!variable || text === undefined || text === "" || !isKey(key)) return [];
    return [{ key, value: readVariable(text, variable), source: { layer: "env", variable: variable.name } }];
  });
}

function readVariable(text: string, { name, parse }: NonNullable<KeySpec["variable"]>): unknown {
  try {
    return parse(text, name);
  } catch (error) {
    if (!AppError.is(error)) throw error;
    throw new AppError("CONFIG_INVALID", naming(name, error.message), {
      ...{ hint: error.hint, facts: { variable: name }, cause: error },
    });
  }
}
