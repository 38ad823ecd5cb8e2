/** `--env KEY=VALUE`, or `--env KEY` for the value that our own environment has. */
import { AppError } from "@banger/contract/errors";
import type { Given } from "../program/command.ts";

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const environmentOption = {
  short: "e",
  value: "KEY[=VALUE]",
  help: "an environment variable; without a value, the one of this environment",
  repeat: true,
  parse: parseEnvironment,
  completes: "variables",
} as const;

export const unsetOption = {
  value: "KEY",
  help: "take this environment variable away",
  repeat: true,
  parse: parseVariable,
  completes: { of: "machine", part: "variables" },
} as const;

export function parseEnvironment(text: string, { env }: Given): string {
  const at = text.indexOf("=");
  const key = variable(at === -1 ? text : text.slice(0, at), { option: "--env", form: "KEY=VALUE" });
  if (at !== -1) return text;
  const value = env[key];
  if (value !== undefined) return `${key}=${value}`;
  throw new AppError("USAGE", `--env ${key} has no value, and this environment has none either`, {
    hint: `Write --env ${key}=VALUE.`,
  });
}

function parseVariable(text: string): string {
  return variable(text, { option: "--unset", form: "KEY" });
}

function variable(key: string, { option, form }: { option: string; form: string }): string {
  if (KEY.test(key)) return key;
  throw new AppError("USAGE", `${option} ${JSON.stringify(key)} is not the name of a variable`, {
    hint: `Write ${option} ${form}, with a key of letters, digits and underscores.`,
  });
}
