/**
 * A private configuration for apt: the host's Debian mirrors, keyring and proxies, and nothing else of the host's: no
 * hooks, no preferences, no installed packages.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import { type DebianSource, renderSources } from "./debian-sources.ts";

export type AptDir = {
  readonly root: string;
  readonly config: string;
  readonly lists: string;
  readonly archives: string;
  /** always empty: for questions whose answer must not depend on what was downloaded before */
  readonly noArchives: string;
};

export type AptConfigOptions = {
  readonly sources: readonly DebianSource[];
  readonly architecture: string;
  /** from `parseTransport` */
  readonly transport: readonly string[];
};

/** How to reach mirrors. Not `Proxy-Auto-Detect`: it runs a program of the host's choice. */
const TRANSPORT =
  /^Acquire::(?:(?:https?|ftp)::(?:Proxy(?:::\S+)?|Timeout|No-Cache|Pipeline-Depth|CaInfo|CaPath|SslCert|SslKey|Verify-Peer|Verify-Host)|Retries|ForceIPv[46]) "[^"\n]*";$/;

/** Picks those lines out of `apt-config dump`. */
export function parseTransport(dump: string): readonly string[] {
  return dump.split("\n").filter((line) => TRANSPORT.test(line) && !line.endsWith(' "";'));
}

export async function prepareApt(root: string, options: AptConfigOptions): Promise<AptDir> {
  if (/["\n]/.test(root)) {
    throw new AppError("CONFIG_INVALID", `apt can not work in ${JSON.stringify(root)}`, { facts: { path: root } });
  }
  const apt: AptDir = {
    root,
    config: join(root, "apt.conf"),
    lists: join(root, "lists"),
    archives: join(root, "archives"),
    noArchives: join(root, "no-archives"),
  };
  for (const dir of [apt.lists, apt.archives, apt.noArchives]) await mkdir(join(dir, "partial"), { recursive: true });
  const parts = join(root, "etc/sources.list.d");
  for (const dir of [parts, join(root, "etc/apt.conf.d"), join(root, "etc/preferences.d"), join(root, "log")]) {
    await mkdir(dir, { recursive: true });
  }
  await atomicWrite(join(parts, "debian.sources"), renderSources(options.sources, { credentials: true }));
  await atomicWrite(join(root, "status"), "");
  await atomicWrite(apt.config, configText(apt, options));
  return apt;
}

function configText(apt: AptDir, { architecture, transport }: AptConfigOptions): string {
  return [
    `Dir::Etc "${apt.root}/etc/";`,
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::netrc "/etc/apt/auth.conf";`,
    `Dir::Etc::netrcparts "/etc/apt/auth.conf.d/";`,
    `Dir::State "${apt.root}/";`,
    `Dir::State::status "${apt.root}/status";`,
    `Dir::State::lists "${apt.lists}/";`,
    `Dir::Cache "${apt.root}/";`,
    `Dir::Cache::archives "${apt.archives}/";`,
    `Dir::Log "${apt.root}/log/";`,
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    `APT::Install-Recommends "false";`,
    `APT::Sandbox::User "root";`,
    `APT::Update::Error-Mode "any";`,
    `Acquire::Languages "none";`,
    ...transport,
    "",
  ].join("\n");
}
