/**
 * A project's `.banger.toml`. It may come from anywhere, so it is only looked for where the user pointed: in the directory
 * that is copied in, or around the current one, no further up than its git repository.
 */
import { lstat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { LayerFile } from "./read-layer.ts";
import { readText } from "./read-text.ts";
import type { ProjectPlace, SettingsHost } from "./settings.ts";

const NAME = ".banger.toml";
const MAX_BYTES = 16 << 10;
const ROOT_UID = 0;

export async function findProjectFile(
  place: Exclude<ProjectPlace, "none">,
  { uid, note }: Pick<SettingsHost, "uid" | "note">,
): Promise<LayerFile | undefined> {
  for (const directory of "of" in place ? [resolve(place.of)] : await directoriesAround(place.around)) {
    const path = join(directory, NAME);
    const found = await readText(path, { max: MAX_BYTES, followLinks: false });
    if (!found) continue;
    // In a directory that others can write to, such as /tmp, anybody may have left one.
    if (found.uid === uid || found.uid === ROOT_UID) return { layer: "project", path, text: found.text };
    note(`${path} belongs to uid ${found.uid}, and is not used`);
    return undefined;
  }
  return undefined;
}

/** From the directory up to its repository's root; outside of one, the directory alone. */
async function directoriesAround(place: string): Promise<readonly string[]> {
  let start: string;
  try {
    start = resolve(place);
  } catch {
    return []; // the current directory was removed: nothing is around it
  }
  const passed: string[] = [];
  for (let at = start; ; at = dirname(at)) {
    passed.push(at);
    if (await exists(join(at, ".git"))) return passed;
    if (at === dirname(at)) return [start];
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false; // what can not be looked at is no repository of ours
  }
}
