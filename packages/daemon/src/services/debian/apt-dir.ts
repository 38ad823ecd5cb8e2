/**
 * A directory in which apt works by itself: the host's Debian mirrors, keyrings and proxies, and nothing else of the
 * host's: no hooks, no preferences, no trusted keys, no installed packages.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import { ARCHITECTURE, type DebianSource, renderSources } from "./debian-source.ts";

export type AptDir = {
  readonly root: string;
  readonly config: string;
  readonly lists: string;
  readonly archives: string;
  /** always empty: for questions whose answer must not depend on what was downloaded before */
  readonly noArchives: string;
  readonly temporary: string;
};

type AptDirOptions = {
  readonly sources: readonly DebianSource[];
  /** from `readNetworkSettings` */
  readonly network: readonly string[];
  /** the host's, for the passwords of its mirrors */
  readonly etcDir: string;
};

/** What is there of an earlier use is kept. */
export async function prepareAptDir(root: string, options: AptDirOptions): Promise<AptDir> {
  if (/["\n]/.test(root)) {
    throw new AppError("CONFIG_INVALID", `apt can not work in ${JSON.stringify(root)}`, { facts: { path: root } });
  }
  const apt: AptDir = {
    root,
    config: join(root, "apt.conf"),
    lists: join(root, "lists"),
    archives: join(root, "archives"),
    noArchives: join(root, "no-archives"),
    temporary: join(root, "tmp"),
  };
  const parts = join(root, "etc/sources.list.d");
  for (const dir of [apt.lists, apt.archives, apt.noArchives]) await mkdir(join(dir, "partial"), { recursive: true });
  for (const dir of [parts, join(root, "none"), join(root, "log"), apt.temporary]) {
    await mkdir(dir, { recursive: true });
  }
  await atomicWrite(join(parts, "debian.sources"), renderSources(options.sources));
  await atomicWrite(join(root, "status"), "");
  await atomicWrite(apt.config, configText(apt, options));
  return apt;
}

function configText({ root, lists, archives }: AptDir, { network, etcDir }: AptDirOptions): string {
  const settings: ReadonlyArray<readonly [string, string]> = [
    ["Dir", `${root}/`],
    ["Dir::Etc", `${root}/etc/`],
    ["Dir::Etc::sourcelist", "/dev/null"],
    ["Dir::Etc::Main", `${root}/none/apt.conf`],
    ["Dir::Etc::Parts", `${root}/none/`],
    ["Dir::Etc::Preferences", `${root}/none/preferences`],
    ["Dir::Etc::PreferencesParts", `${root}/none/`],
    ["Dir::Etc::Trusted", `${root}/none/trusted.gpg`],
    ["Dir::Etc::TrustedParts", `${root}/none/`],
    ["Dir::Etc::netrc", join(etcDir, "auth.conf")],
    ["Dir::Etc::netrcparts", join(etcDir, "auth.conf.d/")],
    ["Dir::State", `${root}/`],
    ["Dir::State::status", `${root}/status`],
    ["Dir::State::lists", `${lists}/`],
    ["Dir::Cache", `${root}/`],
    ["Dir::Cache::archives", `${archives}/`],
    ["Dir::Log", `${root}/log/`],
    ["Dir::Bin::methods", "/usr/lib/apt/methods/"],
    ["Dir::Bin::solvers", `${root}/none/`],
    ["Dir::Bin::planners", `${root}/none/`],
    ["APT::Architecture", ARCHITECTURE],
    ["APT::Install-Recommends", "false"],
    // The directory is private to whoever runs this, so apt's own user could not write to it.
    ["APT::Sandbox::User", "root"],
    ["APT::Get::AllowUnauthenticated", "false"],
    ["APT::Update::Error-Mode", "any"],
    ["Acquire::AllowInsecureRepositories", "false"],
    ["Acquire::AllowWeakRepositories", "false"],
    ["Acquire::AllowDowngradeToInsecureRepositories", "false"],
    ["Acquire::Languages", "none"],
    ["Acquire::PDiffs", "false"],
    ["Acquire::Retries", "3"],
  ];
  const lines = settings.map(([key, value]) => `${key} "${value}";`);
  return [...lines, `APT::Architectures { "${ARCHITECTURE}"; };`, ...network, ""].join("\n");
}
