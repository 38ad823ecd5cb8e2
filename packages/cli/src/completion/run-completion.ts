/**
 * `banger __complete WORD...`: what the scripts of `banger completion` ask. The first line says whether the shell shall add
 * paths of its own, each further one is a candidate, a tab, and what it is. Never fails, never says why.
 */
import { daemonPlaces } from "@banger/sdk/daemon/places";
import type { Output } from "../output/output.ts";
import type { Host } from "../program/run-program.ts";
import { complete } from "./complete.ts";
import { liveGuestPaths } from "./live-guest-paths.ts";
import { liveNames } from "./live-names.ts";
import { liveParts } from "./live-parts.ts";

/** not the functions that bash hands on in variables */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

export async function runCompletion(words: readonly string[], { host, out }: Asked): Promise<number> {
  const { env, uid, build } = host;
  const where = () => ({ places: daemonPlaces(env, { uid }), build });
  const { candidates, paths } = await complete(words, {
    names: (kind) => liveNames(kind, where()),
    guestPaths: (place) => liveGuestPaths(place, where()),
    parts: (part, machine) => liveParts(part, { ...where(), machine }),
    variables: Object.keys(env).filter((name) => VARIABLE.test(name)),
  });
  out.line(paths);
  for (const { value, help } of candidates) out.line(`${value}\t${help}`);
  return 0;
}

type Asked = { readonly host: Pick<Host, "env" | "uid" | "build">; readonly out: Output };
