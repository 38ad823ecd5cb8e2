/** `config show`: every value that can be configured, and who said it. Reads the files alone; no daemon is asked. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { formatValue } from "../../config/format-value.ts";
import { type KeyName, type KeySpec, keys } from "../../config/keys.ts";
import type { Settings, Source } from "../../config/settings.ts";
import { formatTable } from "../../output/table.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Shows each value that can be configured, and the variable or the line of a file that sets it. Options win over variables, " +
      "those over the .banger.toml of the project, and that over your own file. The project is PATH, or the one around the " +
      "current directory.",
    args: { path: { arity: "optional", help: "a directory, as `run PATH` would take it", completes: "directories" } },
    options: {
      "no-project": { help: "leave the .banger.toml of the directory aside" },
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger config show", help: "as a table" },
      { line: "banger config show --json", help: "for programs" },
    ],
  },
  async ({ args, options }, { settings, out }) => {
    const place = args.path === undefined ? { around: "." } : { of: args.path };
    const found = await settings(options["no-project"] ? "none" : place);
    const rows = keyNames.flatMap((key) => rowsOf(key, found));
    if (options.json) out.json({ settings: rows });
    else if (!options.quiet)
      out.write(
        formatTable(
          COLUMNS,
          rows.map((row) => [row.key, row.text, whoSet(row), row.meaning]),
          out,
        ),
      );
    return 0;
  },
);

type Row = {
  readonly key: string;
  readonly value: unknown;
  /** the value as people read it, or what holds without one */
  readonly text: string;
  readonly meaning: string;
} & (Source | { readonly layer: "default" });

const keyNames = Object.keys(keys).filter((key): key is KeyName => Object.hasOwn(keys, key));

function rowsOf(key: KeyName, { values, origins }: Settings): Row[] {
  const found = origins.filter((origin) => origin.key === key);
  const { fallback, help: meaning }: KeySpec = keys[key];
  if (found.length === 0) return [{ key, value: null, text: fallback, meaning, layer: "default" }];
  return found.map(({ name, source }) => {
    const text = formatValue(key, values) ?? "";
    // Keys of a terminal are bytes, which JSON has not.
    if (name === undefined) return { key, value: key === "detach-keys" ? text : values[key], text, meaning, ...source };
    const value = values.env?.[name] ?? "";
    return { key: `${key}.${name}`, value, text: value, meaning, ...source };
  });
}

function whoSet(row: Row): string {
  if (row.layer === "default") return "default";
  return row.layer === "env" ? row.variable : `${row.path}:${row.line}`;
}

const COLUMNS = [
  { head: "KEY", rank: 0, least: 16 },
  { head: "VALUE", rank: 1, least: 12 },
  { head: "SET BY", rank: 2, least: 12 },
  { head: "MEANING", rank: 3, least: 20 },
];
