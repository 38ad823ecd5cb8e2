/**
 * XDG base directories of a user, from an environment that the caller hands in. Values that are not absolute are
 * ignored, as that specification wants.
 */
import { isAbsolute, join } from "node:path";
import { AppError } from "@banger/contract/errors";

export type Env = Readonly<Record<string, string | undefined>>;
export type BaseDirs = {
  readonly config: string;
  readonly data: string;
  readonly cache: string;
  /** vanishes at logout; where there is none, a private directory under /tmp named by uid */
  readonly runtime: string;
};

/** `name` is the product's folder within each base directory. */
export function baseDirs(env: Env, options: { name: string; uid: number }): BaseDirs {
  const { name, uid } = options;
  const runtime = absolute(env.XDG_RUNTIME_DIR);
  return {
    config: join(absolute(env.XDG_CONFIG_HOME) ?? beneathHome(env, ".config"), name),
    data: join(absolute(env.XDG_DATA_HOME) ?? beneathHome(env, ".local/share"), name),
    cache: join(absolute(env.XDG_CACHE_HOME) ?? beneathHome(env, ".cache"), name),
    runtime: runtime === undefined ? `/tmp/${name}-${uid}` : join(runtime, name),
  };
}

function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

function beneathHome(env: Env, folder: string): string {
  const home = absolute(env.HOME);
  if (home === undefined) throw new AppError("CONFIG_INVALID", "HOME is not set to an absolute path");
  return join(home, folder);
}
