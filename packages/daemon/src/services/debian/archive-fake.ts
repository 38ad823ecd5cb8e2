/**
 * A Debian archive in a directory, signed by a key of its own: what apt, gpgv and dpkg-deb really do with it is part of
 * the tests. No network.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import type { DebianSource } from "./debian-source.ts";
import type { AptHost } from "./host-sources.ts";
import { FakePgpKey } from "./openpgp-fake.ts";

export type FakePackage = {
  readonly version: string;
  readonly depends?: string;
  /** puts its files into `root` */
  readonly fill?: (root: string) => Promise<void>;
};

export class FakeArchive {
  readonly exec: Exec;
  readonly #dir: string;
  readonly #key = new FakePgpKey();

  /** `dir` is empty; call `publish` before use. */
  constructor(exec: Exec, dir: string) {
    this.exec = exec;
    this.#dir = dir;
  }

  get host(): AptHost {
    return { etcDir: join(this.#dir, "etc"), keyrings: [join(this.#dir, "absent.gpg")] };
  }

  /** Unlike `file:`, `copy:` has apt put packages where it puts those that it downloads. */
  source(scheme: "file" | "copy"): DebianSource {
    const uris = [`${scheme}:${join(this.#dir, "archive")}`];
    return { uris, mirrors: uris, suites: ["test"], keyring: this.#keyring, checkValidUntil: true };
  }

  /** Adds packages, by name, and signs lists that name them. */
  async publish(packages: Readonly<Record<string, FakePackage>>): Promise<void> {
    await mkdir(this.#pool, { recursive: true });
    for (const [name, one] of Object.entries(packages)) await this.#package(name, one);
    await this.#index();
    await this.writeHost({ keyring: this.#key.keyring() });
  }

  /** The host's apt configuration, with a source of this archive and one that must not be asked. */
  async writeHost({ keyring }: { keyring: Buffer }): Promise<void> {
    await mkdir(join(this.#dir, "etc/sources.list.d"), { recursive: true });
    await writeFile(this.#keyring, keyring);
    const uri = `file:${join(this.#dir, "archive")}`;
    await writeFile(
      join(this.#dir, "etc/sources.list.d/debian.sources"),
      `Types: deb\nURIs: ${uri}\nSuites: test\nComponents: main\nSigned-By: ${this.#keyring}\n`,
    );
    await writeFile(join(this.#dir, "etc/sources.list"), "deb file:/nowhere/third-party test main\n");
  }

  /** Changes a byte of each package, after the lists were signed. */
  async tamper(): Promise<void> {
    for (const name of await readdir(this.#pool)) {
      const content = await readFile(join(this.#pool, name));
      content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
      await writeFile(join(this.#pool, name), content);
    }
  }

  /** As when there is no network. */
  async vanish(): Promise<void> {
    await rm(join(this.#dir, "archive"), { recursive: true });
  }

  get #pool(): string {
    return join(this.#dir, "archive/pool");
  }

  get #keyring(): string {
    return join(this.#dir, "debian-archive-test.gpg");
  }

  async #package(name: string, { version, depends, fill }: FakePackage): Promise<void> {
    const root = join(this.#dir, "roots", `${name}_${version}`);
    await mkdir(join(root, "DEBIAN"), { recursive: true });
    const fields = { Package: name, Version: version, Architecture: "amd64", ...(depends && { Depends: depends }) };
    const more = { Maintainer: "Nobody <nobody@localhost>", Description: "for tests", "Installed-Size": "1000" };
    const control = Object.entries({ ...fields, ...more }).map(([key, value]) => `${key}: ${value}\n`);
    await writeFile(join(root, "DEBIAN/control"), control.join(""));
    await fill?.(root);
    await this.exec.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "-b", root, this.#pool]);
  }

  async #index(): Promise<void> {
    const lists = join(this.#dir, "archive/dists/test");
    const stanzas: string[] = [];
    for (const name of (await readdir(this.#pool)).sort()) {
      const content = await readFile(join(this.#pool, name));
      const control = (await this.exec.run(["dpkg-deb", "-f", join(this.#pool, name)])).stdout.toString();
      stanzas.push(`${control}Filename: pool/${name}\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`);
    }
    const packages = Buffer.from(stanzas.join("\n"));
    await mkdir(join(lists, "main/binary-amd64"), { recursive: true });
    await writeFile(join(lists, "main/binary-amd64/Packages"), packages);
    const sums = `SHA256:\n ${sha256(packages)} ${packages.length} main/binary-amd64/Packages\n`;
    const head = `Origin: Debian\nSuite: test\nCodename: test\nDate: ${new Date().toUTCString()}\n`;
    const release = Buffer.from(`${head}Architectures: amd64\nComponents: main\n${sums}`);
    await writeFile(join(lists, "Release"), release);
    await writeFile(join(lists, "Release.gpg"), this.#key.sign(release));
  }
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
