/** What one configuration file says: each value judged, each complaint with the line and column that it is about. */
import { AppError } from "@banger/contract/errors";
import { parse, TomlError } from "smol-toml";
import { suggest } from "../program/suggest.ts";
import { isKey, type KeyName, keys } from "./keys.ts";
import type { Entry } from "./layers.ts";
import { locateKeys, type Position, ValueTooLong } from "./locate.ts";
import { isTable, naming } from "./value-types.ts";

export type LayerFile = { readonly path: string; readonly text: string; readonly layer: "file" | "project" };

const START: Position = { line: 1, column: 1 };

export function readLayer(file: LayerFile): readonly Entry[] {
  const table = parseToml(file);
  const positions = positionsIn(file);
  return Object.entries(table).flatMap(([name, raw]) => {
    const at = positions.get(name) ?? START;
    const key = knownKey(name, { file, at });
    return readKey(key, raw, { file, positions });
  });
}

function readKey(
  key: KeyName,
  raw: unknown,
  { file, positions }: { file: LayerFile; positions: ReadonlyMap<string, Position> },
): Entry[] {
  const source = (path: string) => {
    const { line, column } = positions.get(path) ?? positions.get(key) ?? START;
    return { layer: file.layer, path: file.path, line, column };
  };
  const read = (part: unknown, path: string) => {
    try {
      return keys[key].read(part, key);
    } catch (error) {
      if (!AppError.is(error)) throw error;
      throw invalid(file.path, source(path), { what: naming(key, error.message), hint: error.hint, cause: error });
    }
  };
  // Of a table each entry is a value of its own: another file may have the next one.
  if (key !== "env" || !isTable(raw)) return [{ key, value: read(raw, key), source: source(key) }];
  return Object.entries(raw).map(([name, value]) => {
    const path = `${key}.${name}`;
    return { key, name, value: read({ [name]: value }, path), source: source(path) };
  });
}

function knownKey(name: string, { file, at }: { file: LayerFile; at: Position }): KeyName {
  if (isKey(name)) {
    const places: readonly string[] = keys[name].in;
    if (places.includes(file.layer)) return name;
    const hint =
      file.layer === "project" ? "Only your own configuration may have it." : "Only a project's .banger.toml has it.";
    throw invalid(file.path, at, { what: `${name} does not belong here`, hint });
  }
  const allowed = Object.entries(keys).flatMap(([key, spec]) => (placesOf(spec).includes(file.layer) ? [key] : []));
  const near = suggest(name, allowed);
  const hint = near === undefined ? `Known keys: ${allowed.join(", ")}.` : `Did you mean ${near}?`;
  throw invalid(file.path, at, { what: `there is no key ${JSON.stringify(name)}`, hint });
}

function placesOf(spec: (typeof keys)[KeyName]): readonly string[] {
  return spec.in;
}

function parseToml({ path, text }: LayerFile): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ""] = error.message.split("\n");
    const what = `this is not TOML: ${first.replace(/^Invalid TOML document: /, "")}`;
    throw invalid(path, error, { what, hint: "Mend the line named above and try again.", cause: error });
  }
}

function positionsIn({ path, text }: LayerFile): ReadonlyMap<string, Position> {
  try {
    return locateKeys(text);
  } catch (error) {
    if (!(error instanceof ValueTooLong)) throw error;
    throw invalid(path, error.position, { what: error.message, hint: "Write it in fewer lines.", cause: error });
  }
}

type Complaint = { readonly what: string; readonly hint: string; readonly cause?: unknown };

function invalid(path: string, { line, column }: Position, { what, hint, cause }: Complaint): AppError {
  return new AppError("CONFIG_INVALID", `${path}:${line}:${column}: ${what}`, {
    ...{ facts: { path, line, column }, hint },
    ...(cause !== undefined && { cause }),
  });
}
