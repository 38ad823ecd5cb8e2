/**
 * The error catalogue: every failure that a caller can act on.
 *
 * A code is API: adding one is a minor change, renaming one is a major change. `fault` tells whose move it is:
 * the user's (mend the request), the environment's (mend the host), or ours (a bug).
 */

/** Exit statuses of the command line; scripts depend on these. `run -- CMD` and `exec` replace them by 125. */
export const EXIT = {
  usage: 2,
  environment: 3,
  notFound: 4,
  conflict: 5,
  unavailable: 6,
  internal: 70,
  interrupted: 130,
} as const;

export type Fault = "user" | "environment" | "system";
type Entry = { readonly exit: number; readonly fault: Fault; readonly retry: "never" | "later"; readonly hint: string };

type Retry = Entry["retry"];

function user(exit: number, hint: string, retry: Retry = "never"): Entry {
  return { exit, fault: "user", retry, hint };
}
function environment(exit: number, hint: string, retry: Retry = "never"): Entry {
  return { exit, fault: "environment", retry, hint };
}
function system(exit: number, hint: string, retry: Retry = "never"): Entry {
  return { exit, fault: "system", retry, hint };
}

export const errorCatalog = {
  USAGE: user(EXIT.usage, "See `banger help`."),
  CONFIG_INVALID: user(EXIT.usage, "Mend the value named above and try again."),
  NAME_INVALID: user(EXIT.usage, "Use 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at an edge."),
  SIZE_INVALID: user(EXIT.usage, "Write a size such as 512MiB, 4G or 2048 (MiB)."),

  VM_NOT_FOUND: user(EXIT.notFound, "`banger list` shows the machines."),
  IMAGE_NOT_FOUND: user(EXIT.notFound, "`banger image list` shows the images; `banger image build` makes one."),
  KERNEL_NOT_FOUND: user(EXIT.notFound, "`banger kernel list` shows the kernels; `banger kernel pull` fetches one."),
  OPERATION_NOT_FOUND: user(EXIT.notFound, "Finished operations are kept for a while only."),
  EXEC_NOT_FOUND: user(EXIT.notFound, "The command has ended and its status was collected."),
  EXEC_AMBIGUOUS: user(EXIT.notFound, "Write the beginning of its id behind the machine."),
  GUEST_FILE_NOT_FOUND: user(
    EXIT.notFound,
    "Check the path; in a machine, one that does not begin with / begins at /root.",
  ),
  PORT_NOT_FOUND: user(EXIT.notFound, "`banger ports` shows what is published."),
  REF_AMBIGUOUS: user(EXIT.notFound, "Write more of the id, or the whole name."),

  NAME_TAKEN: user(EXIT.conflict, "Choose another name, or delete the machine that has it."),
  IN_USE: user(EXIT.conflict, "Delete what uses it first.", "later"),
  EXEC_ATTACHED: user(EXIT.conflict, "One client at a time may write to it; `attach --no-stdin` watches.", "later"),
  VM_BUSY: user(EXIT.conflict, "Wait for the running operation to end.", "later"),
  VM_NOT_RUNNING: user(EXIT.conflict, "`banger start` starts it."),
  VM_PAUSED: user(EXIT.conflict, "`banger resume` lets it go on."),
  PORT_TAKEN: user(EXIT.conflict, "Choose another port of the host, or end what uses this one.", "later"),
  STATE_LOCKED: environment(EXIT.conflict, "Another daemon holds this state directory; stop it first.", "later"),

  STATE_OTHER: environment(EXIT.environment, "Set XDG_RUNTIME_DIR beside XDG_DATA_HOME, or neither of them."),
  PREREQUISITE_MISSING: environment(
    EXIT.environment,
    "`banger doctor` names what is missing and the command that mends it.",
  ),
  PORT_UNUSABLE: user(EXIT.environment, "Choose another address or port of this host."),
  STATE_UNSAFE: environment(EXIT.environment, "Choose a directory of your own, or mend its owner and mode."),
  STATE_UNWRITABLE: environment(
    EXIT.environment,
    "Mend the mount, owner, mode or attributes of what is named, then try again.",
    "later",
  ),
  STATE_CORRUPT: environment(EXIT.environment, "The old database was kept beside the new one; see `banger doctor`."),
  SCHEMA_NEWER: environment(EXIT.environment, "A newer banger wrote this state; use that one."),
  PATH_TOO_LONG: environment(EXIT.environment, "Set XDG_DATA_HOME and XDG_RUNTIME_DIR to shorter directories."),
  DISK_FULL: environment(EXIT.environment, "Free some space, then try again.", "later"),
  MEMORY_SHORT: environment(EXIT.environment, "Ask for less memory, or stop a machine.", "later"),
  FILE_UNREADABLE: environment(EXIT.environment, "Check that the path exists and that you may read it."),
  FILE_UNWRITABLE: environment(EXIT.environment, "Check that the directory exists and that you may write there."),
  COPY_TOO_LARGE: user(
    EXIT.environment,
    "If you mean it, allow more with --max-size SIZE, or any amount with --force.",
  ),
  ARCHIVE_UNSAFE: environment(EXIT.environment, "The machine sent what no honest copy holds; do not trust it."),
  IMAGE_CORRUPT: environment(EXIT.environment, "Delete the image and build it again."),
  KERNEL_CORRUPT: environment(EXIT.environment, "Delete the kernel and pull it again."),
  DOWNLOAD_FAILED: environment(EXIT.environment, "Check the network and the host's package sources.", "later"),
  BUILD_FAILED: environment(EXIT.environment, "The last lines above are the builder's own.", "later"),

  VMM_START_FAILED: environment(EXIT.environment, "The VMM's last words are above; `banger logs` has the console."),
  VMM_DIED: environment(EXIT.environment, "`banger logs` has the console.", "later"),
  VMM_SILENT: environment(
    EXIT.unavailable,
    "Its process may be stopped, or starved; `banger kill` and `banger delete` end it without an answer.",
    "later",
  ),
  GUEST_PANICKED: environment(EXIT.environment, "The machine was kept; `banger logs` has the whole console."),
  GUEST_SILENT: environment(EXIT.environment, "The machine was kept; `banger logs` has the whole console.", "later"),
  GUEST_REFUSED: user(EXIT.environment, "The guest could not do what was asked."),
  GUEST_PROTOCOL: environment(
    EXIT.environment,
    "The guest's agent broke the protocol; delete the machine if you do not trust it.",
  ),
  COMMAND_NOT_FOUND: user(127, "The command is not in the image's PATH."),
  COMMAND_NOT_EXECUTABLE: user(126, "The file is there, but it can not be executed."),

  DAEMON_UNREACHABLE: environment(
    EXIT.unavailable,
    "`banger daemon status` tells more; its log is in the state directory.",
    "later",
  ),
  DAEMON_BUSY: environment(EXIT.conflict, "Wait for the running operations to end.", "later"),
  VERSION_MISMATCH: environment(
    EXIT.environment,
    "Run `banger daemon stop`; the next command starts the matching one.",
  ),
  UNAUTHORIZED: user(EXIT.environment, "Only the owner of the daemon may do this."),
  COMMAND_FAILED: environment(
    EXIT.environment,
    "The program's own last words are in the message; `banger doctor` checks what it needs.",
  ),
  PROTOCOL_BROKEN: system(
    EXIT.unavailable,
    "The other end is not banger, or is a broken build of it; restart the daemon.",
  ),
  OUTPUT_FAILED: environment(
    EXIT.environment,
    "Look at where the output goes: a full disk, or a device that takes nothing.",
  ),
  TIMEOUT: environment(EXIT.unavailable, "Try again; if it stays so, see `banger doctor`.", "later"),
  CANCELLED: user(EXIT.interrupted, "Nothing was left behind."),
  INTERNAL: system(EXIT.internal, "This is a bug in banger; please report it."),
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalog;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(errorCatalog, value);
}

export type Facts = Readonly<Record<string, string | number | boolean>>;

const BRAND = Symbol.for("banger.AppError");

export class AppError extends Error {
  override readonly name = "AppError";
  readonly [BRAND] = true;
  readonly code: ErrorCode;
  /** identifiers and numbers for machines, never prose */
  readonly facts: Facts;
  /** what the reader should do next; the catalogue's unless something better is known */
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { facts?: Facts; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
    this.hint = options.hint ?? errorCatalog[code].hint;
  }

  /** A brand check, so that it holds across bundles where `instanceof` does not. */
  static is(value: unknown, code?: ErrorCode): value is AppError {
    return value instanceof Error && BRAND in value && (code === undefined || (value as AppError).code === code);
  }
}

/** Renders `outer: inner: innermost`. The only place where a cause is turned into text. */
export function describeChain(error: unknown): string {
  const parts: string[] = [];
  for (let e = error; e !== undefined && parts.length < 8; e = e instanceof Error ? e.cause : undefined) {
    parts.push(e instanceof Error ? e.message : String(e));
  }
  return parts.join(": ");
}
