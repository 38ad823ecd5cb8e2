/**
 * A Debian archive in a directory, with a kernel package and a metapackage, signed by a key of its own: what apt, gpgv,
 * dpkg-deb and depmod really do with it is part of the tests. No network.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import type { AptHost } from "./apt-host.ts";
import { fakeBzImage, fakeVmlinux } from "./bzimage-fake.ts";
import { WANTED_MODULES } from "./module-order.ts";
import { FakePgpKey } from "./openpgp-fake.ts";

export const FAKE_RELEASE = "6.1.0-7-cloud-amd64";
const KERNEL_PACKAGE = `linux-image-${FAKE_RELEASE}`;

export class FakeDebian {
  readonly #exec: Exec;
  readonly #dir: string;
  readonly #key = new FakePgpKey();

  /** `dir` is empty; call `publish` before use. */
  constructor(exec: Exec, dir: string) {
    this.#exec = exec;
    this.#dir = dir;
  }

  get host(): AptHost {
    return { etcDir: join(this.#dir, "etc"), keyrings: [join(this.#dir, "absent.gpg")] };
  }

  /** Makes the packages of one version and the signed lists that name them. */
  async publish(version: string): Promise<void> {
    const pool = join(this.#dir, "archive/pool");
    await mkdir(pool, { recursive: true });
    const depends = `${KERNEL_PACKAGE} (= ${version})`;
    await this.#package("linux-image-cloud-amd64", { version, depends, fill: async () => undefined });
    await this.#package(KERNEL_PACKAGE, { version, depends: "kmod", fill: (root) => this.#fillKernel(root, version) });
    await this.#index();
    await this.writeHost({ keyring: this.#key.keyring() });
  }

  /** The host's apt configuration, with a source of this archive and one that must not be asked. */
  async writeHost({ keyring }: { keyring: Buffer }): Promise<void> {
    await mkdir(join(this.#dir, "etc/sources.list.d"), { recursive: true });
    const path = join(this.#dir, "debian-archive-test.gpg");
    await writeFile(path, keyring);
    await writeFile(
      join(this.#dir, "etc/sources.list.d/debian.sources"),
      `Types: deb\nURIs: file:${join(this.#dir, "archive")}\nSuites: test\nComponents: main\nSigned-By: ${path}\n`,
    );
    await writeFile(join(this.#dir, "etc/sources.list"), "deb file:/nowhere/third-party test main\n");
  }

  /** Changes a byte of each package, after the lists were signed. */
  async tamper(): Promise<void> {
    const pool = join(this.#dir, "archive/pool");
    for (const name of await readdir(pool)) {
      const content = await readFile(join(pool, name));
      content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
      await writeFile(join(pool, name), content);
    }
  }

  async #fillKernel(root: string, version: string): Promise<void> {
    const modules = join(root, "lib/modules", FAKE_RELEASE);
    await mkdir(join(root, "boot"), { recursive: true });
    await mkdir(join(modules, "kernel"), { recursive: true });
    const vmlinux = Buffer.concat([fakeVmlinux(50_000), Buffer.from(version)]);
    const image = await fakeBzImage(vmlinux, { compression: "zstd", exec: this.#exec });
    await writeFile(join(root, "boot", `vmlinuz-${FAKE_RELEASE}`), image);
    const builtin = WANTED_MODULES.map(({ name }) => `kernel/${name}.ko\n`).join("");
    await writeFile(join(modules, "modules.builtin"), builtin);
    await writeFile(join(modules, "modules.order"), "");
  }

  async #package(
    name: string,
    options: { version: string; depends: string; fill: (root: string) => Promise<void> },
  ): Promise<void> {
    const root = join(this.#dir, "roots", `${name}_${options.version}`);
    await mkdir(join(root, "DEBIAN"), { recursive: true });
    const fields = { Package: name, Version: options.version, Architecture: "amd64", Depends: options.depends };
    const more = { Maintainer: "Nobody <nobody@localhost>", Description: "for tests" };
    const control = Object.entries({ ...fields, ...more }).map(([key, value]) => `${key}: ${value}\n`);
    await writeFile(join(root, "DEBIAN/control"), control.join(""));
    await options.fill(root);
    await this.#exec.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "-b", root, join(this.#dir, "archive/pool")]);
  }

  async #index(): Promise<void> {
    const archive = join(this.#dir, "archive");
    const stanzas: string[] = [];
    for (const name of (await readdir(join(archive, "pool"))).sort()) {
      const path = join(archive, "pool", name);
      const content = await readFile(path);
      const control = (await this.#exec.run(["dpkg-deb", "-f", path])).stdout.toString();
      stanzas.push(`${control}Filename: pool/${name}\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`);
    }
    const packages = Buffer.from(stanzas.join("\n"));
    await mkdir(join(archive, "dists/test/main/binary-amd64"), { recursive: true });
    await writeFile(join(archive, "dists/test/main/binary-amd64/Packages"), packages);
    const sums = `SHA256:\n ${sha256(packages)} ${packages.length} main/binary-amd64/Packages\n`;
    const head = `Origin: Debian\nSuite: test\nCodename: test\nDate: ${new Date().toUTCString()}\n`;
    const release = Buffer.from(`${head}Architectures: amd64\nComponents: main\n${sums}`);
    await writeFile(join(archive, "dists/test/Release"), release);
    await writeFile(join(archive, "dists/test/Release.gpg"), this.#key.sign(release));
  }
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
