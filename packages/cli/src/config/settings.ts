/**
 * What is configured, read when a command asks for it. Without a file and without a variable nothing is loaded, so that a
 * start costs nobody anything who configures nothing.
 */
import type { Env } from "../program/context.ts";
import type { KeyName, Values } from "./keys.ts";
import type { LayerFile } from "./read-layer.ts";

export type Source =
  | { readonly layer: "env"; readonly variable: string }
  | { readonly layer: "project" | "file"; readonly path: string; readonly line: number; readonly column: number };

/** Who said what holds. */
export type Origin = {
  readonly key: KeyName;
  /** the entry, of a table */
  readonly name?: string;
  readonly source: Source;
};

export type Settings = { readonly values: Partial<Values>; readonly origins: readonly Origin[] };

export type SettingsHost = {
  readonly env: Env;
  readonly uid: number;
  /** the user's own file, which need not exist */
  readonly file: string;
  /** hears what a user should know and that is no failure */
  readonly note: (text: string) => void;
};

/** Where a project's file is looked for; `none` of it for commands that are about no project. */
export type ProjectPlace = "none" | { readonly of: string } | { readonly around: string };

const MAX_BYTES = 64 << 10;
const PREFIX = "BANGER_";

export async function loadSettings(host: SettingsHost, place: ProjectPlace): Promise<Settings> {
  const files: LayerFile[] = [];
  if (place !== "none") {
    const { findProjectFile } = await import("./project-file.ts");
    const project = await findProjectFile(place, host);
    if (project) files.push(project);
  }
  const { readText } = await import("./read-text.ts");
  const own = await readText(host.file, { max: MAX_BYTES, followLinks: true });
  if (own) files.push({ layer: "file", path: host.file, text: own.text });
  if (files.length === 0 && !Object.keys(host.env).some((name) => name.startsWith(PREFIX))) {
    return { values: {}, origins: [] };
  }
  const { putTogether } = await import("./layers.ts");
  return putTogether(host.env, files);
}
