/** Debian's kernel packages as small as can be, for an archive of tests; depmod is run on what is in them. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import type { FakeArchive } from "../debian/archive-fake.ts";
import { fakeBzImage, fakeVmlinux } from "./bzimage-fake.ts";
import { WANTED_MODULES } from "./module-order.ts";

export const FAKE_RELEASE = "6.1.0-7-cloud-amd64";
const KERNEL_PACKAGE = `linux-image-${FAKE_RELEASE}`;

export async function publishKernel(archive: FakeArchive, version: string): Promise<void> {
  await archive.publish({
    "linux-image-cloud-amd64": { version, depends: `${KERNEL_PACKAGE} (= ${version})` },
    [KERNEL_PACKAGE]: { version, depends: "kmod", fill: (root) => fillKernel(root, { version, exec: archive.exec }) },
  });
}

async function fillKernel(root: string, { version, exec }: { version: string; exec: Exec }): Promise<void> {
  const modules = join(root, "lib/modules", FAKE_RELEASE);
  await mkdir(join(root, "boot"), { recursive: true });
  await mkdir(join(modules, "kernel"), { recursive: true });
  const vmlinux = Buffer.concat([fakeVmlinux(50_000), Buffer.from(version)]);
  const image = await fakeBzImage(vmlinux, { compression: "zstd", exec });
  await writeFile(join(root, "boot", `vmlinuz-${FAKE_RELEASE}`), image);
  const builtin = WANTED_MODULES.map(({ name }) => `kernel/${name}.ko\n`).join("");
  await writeFile(join(modules, "modules.builtin"), builtin);
  await writeFile(join(modules, "modules.order"), "");
}
