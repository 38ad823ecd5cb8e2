/** Runs a recipe's `setup.sh` in the new tree, and takes out of the tree what is the builder's: device nodes, temporary files, options. */
import { AppError } from "@banger/contract/errors";
import { type Exec, ExecError, lastLine } from "@banger/platform/exec/run";

const DEADLINE_MS = 5 * 60_000;

/** Mounts vanish with the namespace; they are undone here so that /dev can be emptied. */
const SETUP = `set -eu
mount -t proc proc "$1/proc"
for node in null zero full random urandom; do
  rm -f "$1/dev/$node"
  : > "$1/dev/$node"
  mount --bind "/dev/$node" "$1/dev/$node"
done
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$1" /bin/sh -euc "$2"
for node in null zero full random urandom; do umount "$1/dev/$node"; done
umount "$1/proc"
rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
find "$1/dev" "$1/tmp" "$1/run" -xdev -mindepth 1 -delete
chmod 0755 "$1"`;

export type SetupOptions = {
  readonly tree: string;
  /** text of the script */
  readonly script: string;
  readonly recipe: string;
  readonly prefix: readonly string[];
  readonly signal: AbortSignal;
};

export async function setupTree(exec: Exec, options: SetupOptions): Promise<void> {
  const { tree, script, recipe, prefix, signal } = options;
  try {
    await exec.run([...prefix, "sh", "-c", SETUP, "setup", tree, script], { signal, deadlineMs: DEADLINE_MS });
  } catch (error) {
    if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") throw error;
    const said = lastLine(error.result.stderr);
    throw new AppError("BUILD_FAILED", `setup.sh of ${recipe} failed: ${said || "it said nothing"}`, {
      facts: { recipe },
      cause: error,
    });
  }
}
