/**
 * A daemon that sees another QEMU than the host's, or none: it is started in a mount namespace of its own, so that nothing of the
 * host changes and nothing is left when it ends.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "./command.ts";
import { type Home, product } from "./home.ts";

/** Programs as they are, apart from QEMU; the host's lies beside under another name, in the folder from which it finds its modules. */
const HIDE = `set -e
mkdir -p "$1/bin"
mount --bind /usr/bin "$1/bin"
mount -t tmpfs none /usr/bin
PATH=$1/bin:$PATH
ln -s "$1"/bin/[!q]* /usr/bin/
touch /usr/bin/real-qemu
mount --bind "$1/bin/qemu-system-x86_64" /usr/bin/real-qemu
[ ! -s "$1/qemu" ] || cp "$1/qemu" /usr/bin/qemu-system-x86_64
shift
exec "$@"
`;

/** Why it can not be done on this host, if so. */
export async function cannotMount(home: Home): Promise<string | undefined> {
  const tried = await new Command([...unshare(), "mount", "-t", "tmpfs", "none", "/mnt"], { env: home.env }).ended;
  return tried.status === 0 ? undefined : `no mount namespace can be made here: ${tried.stderr.trim()}`;
}

/** Restarts the daemon; `script` is a shell script in QEMU's place, `$REAL` in it the host's own. Without, there is none. */
export async function restartWithQemu(home: Home, script: string | undefined): Promise<void> {
  const folder = join(home.directory, "fixture");
  const text = script === undefined ? "" : `#!/bin/sh\nREAL=/usr/bin/real-qemu\n${script}`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "qemu"), text, { mode: 0o755 });
  await home.stopDaemon();
  await home.ok(["daemon", "start"], { product: [...unshare(), "sh", "-c", HIDE, "sh", folder, ...product] });
}

/** Runs in a mount namespace of its own, as root of it. */
export function unshare(): readonly string[] {
  return ["unshare", ...(process.getuid?.() === 0 ? ["-m"] : ["-rm"])];
}
