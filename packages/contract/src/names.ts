/** Machine names: they reach host names, DNS, paths and the kernel command line, so the rule is strict and nothing is rewritten. */
import * as z from "zod";
import { AppError } from "./errors.ts";

export const NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export const VmName = z.string().regex(NAME_PATTERN).brand("VmName");
export type VmName = z.infer<typeof VmName>;

/** Throws NAME_INVALID with the name and what is wrong about it. */
export function parseName(text: string): VmName {
  const parsed = VmName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError("NAME_INVALID", `the name ${JSON.stringify(text)} ${complaint(text)}`, { facts: { name: text } });
}

function complaint(text: string): string {
  if (text.length === 0) return "is empty";
  if (text.length > 63) return `has ${text.length} characters, 63 are allowed`;
  if (text.startsWith("-") || text.endsWith("-")) return "has a hyphen at an edge";
  const bad = [...text].find((character) => !/[a-z0-9-]/.test(character));
  return `holds ${JSON.stringify(bad ?? text)}, which is not one of a-z, 0-9 and hyphen`;
}
