/**
 * Where images are built: namespaces of their own, so that mounts never reach the host, packages' scripts have no
 * network, everything ends with the first process, and an ordinary user can own what root owns in the image.
 */
import { AppError } from "@banger/contract/errors";
import { type Exec, ExecError } from "@banger/platform/exec/run";

export type Builder = { readonly uid: number; readonly userName: string };

/** long enough for a host that has no processor to spare */
const DEADLINE_MS = 60_000;

/**
 * The first process of the namespaces. It ends at once when it is told to, and with it all others, before the kernel
 * tells anybody that it has ended. Its child is read as a foreground command would be, only interruptible.
 */
const FIRST = 'umask 022; trap "exit 143" TERM INT HUP; "$@" & wait "$!"';

/** Goes before the argv of what is to run there. It also ends with the process that started it. */
export function namespacePrefix(builder: Builder): readonly string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL", "unshare"],
    ...(builder.uid === 0 ? [] : ["--user", "--map-root-user", "--map-auto"]),
    ...["--mount", "--net", "--pid", "--fork", "--kill-child", "--", "sh", "-c", FIRST, "banger-build"],
  ];
}

/** Throws PREREQUISITE_MISSING with the one command that mends the host. */
export async function requireNamespaces(
  exec: Exec,
  builder: Builder,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  try {
    await exec.run([...namespacePrefix(builder), "true"], { signal, deadlineMs: DEADLINE_MS });
  } catch (error) {
    if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") throw error;
    throw explained(error, builder);
  }
}

function explained(error: ExecError, { uid, userName }: Builder): AppError {
  const said = error.result.stderr;
  const missing = (message: string, hint: string) =>
    new AppError("PREREQUISITE_MISSING", message, { facts: { uid }, hint, cause: error });
  if (/failed to execute new[ug]idmap/.test(said)) {
    return missing("newuidmap is not installed", "Run `sudo apt-get install uidmap`.");
  }
  if (/\/etc\/sub[ug]id/.test(said)) {
    return missing(
      `user ${userName} has no subordinate ids in /etc/subuid and /etc/subgid`,
      `Run \`sudo usermod --add-subuids 524288-589823 --add-subgids 524288-589823 ${userName}\`.`,
    );
  }
  if (uid === 0) {
    return missing(
      "this root may not make mount, process and network namespaces",
      "Give the container CAP_SYS_ADMIN, or run outside of it.",
    );
  }
  return missing(
    `user ${userName} may not make a user namespace`,
    "Run `sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000`; a chroot(2) forbids them always.",
  );
}
