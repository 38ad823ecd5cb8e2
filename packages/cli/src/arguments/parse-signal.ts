/** A signal, by name with or without SIG, or by number. */
import { constants } from "node:os";
import { AppError } from "@banger/contract/errors";
import { suggest } from "../program/suggest.ts";

const MAX_SIGNAL = 64;

export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^(?:SIG)?/, "SIG");
  const number = /^\d+$/.test(text) ? Number(text) : Reflect.get(constants.signals, name);
  if (typeof number === "number" && number >= 1 && number <= MAX_SIGNAL) return number;
  const names = Object.keys(constants.signals).map((known) => known.slice("SIG".length));
  const closest = suggest(name.slice("SIG".length), names);
  throw new AppError("USAGE", `--signal ${JSON.stringify(text)} is not a signal`, {
    hint: `Give a name such as TERM or HUP, or a number from 1 to ${MAX_SIGNAL}${closest === undefined ? "" : `; did you mean ${closest}?`}.`,
  });
}
