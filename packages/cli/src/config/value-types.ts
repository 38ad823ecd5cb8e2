/** From the types that TOML has to the texts that the parsers of options take. */
import { AppError } from "@banger/contract/errors";

type Reader<T> = (raw: unknown, name: string) => T;
type Parser<T> = (text: string, name: string) => T;

export function wrongType(name: string, wanted: string): AppError {
  return new AppError("CONFIG_INVALID", `${name} must be ${wanted}`);
}

/** Parsers of options do not all say what the value is for. */
export function naming(name: string, message: string): string {
  return message.startsWith(name) ? message : `${name}: ${message}`;
}

export function text<T>(parse: Parser<T>): Reader<T> {
  return (raw, name) => {
    if (typeof raw !== "string") throw wrongType(name, 'a text, such as "word"');
    return parse(raw, name);
  };
}

export function wholeNumber<T>(parse: Parser<T>): Reader<T> {
  return (raw, name) => {
    if (typeof raw !== "number" || !Number.isInteger(raw)) throw wrongType(name, "a whole number, without quotes");
    return parse(String(raw), name);
  };
}

/** With a unit it is a text, without one a number. */
export function numberOrText<T>(parse: Parser<T>): Reader<T> {
  return (raw, name) => {
    if (typeof raw !== "string" && typeof raw !== "number") throw wrongType(name, "a number, or a text with a unit");
    return parse(String(raw), name);
  };
}

export function list<T>(parse: (text: string) => T): Reader<readonly T[]> {
  return (raw, name) => {
    const texts: readonly unknown[] | undefined = Array.isArray(raw) ? raw : undefined;
    if (!texts) throw wrongType(name, "a list of texts");
    return texts.map((one) => {
      if (typeof one !== "string") throw wrongType(name, "a list of texts");
      return parse(one);
    });
  };
}

export function isTable(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}
