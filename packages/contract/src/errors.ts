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

export const errorCatalog = {
  USAGE: { exit: EXIT.usage, fault: "user", retry: "never", hint: "See `banger help`." },
  CONFIG_INVALID: {
    exit: EXIT.usage,
    fault: "user",
    retry: "never",
    hint: "Mend the value named above and try again.",
  },
  NAME_INVALID: {
    exit: EXIT.usage,
    fault: "user",
    retry: "never",
    hint: "Use 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at an edge.",
  },
  SIZE_INVALID: {
    exit: EXIT.usage,
    fault: "user",
    retry: "never",
    hint: "Write a size such as 512MiB, 4G or 2048 (MiB).",
  },

  VM_NOT_FOUND: { exit: EXIT.notFound, fault: "user", retry: "never", hint: "`banger list` shows the machines." },
  IMAGE_NOT_FOUND: {
    exit: EXIT.notFound,
    fault: "user",
    retry: "never",
    hint: "`banger image list` shows the images; `banger image build` makes one.",
  },
  KERNEL_NOT_FOUND: {
    exit: EXIT.notFound,
    fault: "user",
    retry: "never",
    hint: "`banger kernel list` shows the kernels; `banger kernel pull` fetches one.",
  },
  OPERATION_NOT_FOUND: {
    exit: EXIT.notFound,
    fault: "user",
    retry: "never",
    hint: "Finished operations are kept for a while only.",
  },
  EXEC_NOT_FOUND: {
    exit: EXIT.notFound,
    fault: "user",
    retry: "never",
    hint: "The command has ended and its status was collected.",
  },
  REF_AMBIGUOUS: {
    exit: EXIT.notFound,
    fault: "user",
    retry: "never",
    hint: "Write more of the id, or the whole name.",
  },

  NAME_TAKEN: {
    exit: EXIT.conflict,
    fault: "user",
    retry: "never",
    hint: "Choose another name, or delete the machine that has it.",
  },
  IN_USE: { exit: EXIT.conflict, fault: "user", retry: "later", hint: "Delete what uses it first." },
  VM_BUSY: { exit: EXIT.conflict, fault: "user", retry: "later", hint: "Wait for the running operation to end." },
  VM_NOT_RUNNING: { exit: EXIT.conflict, fault: "user", retry: "never", hint: "`banger start` starts it." },
  STATE_LOCKED: {
    exit: EXIT.conflict,
    fault: "environment",
    retry: "later",
    hint: "Another daemon holds this state directory; stop it first.",
  },

  PREREQUISITE_MISSING: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "`banger doctor` names what is missing and the command that mends it.",
  },
  STATE_UNSAFE: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Choose a directory of your own, or mend its owner and mode.",
  },
  STATE_CORRUPT: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "The old database was kept beside the new one; see `banger doctor`.",
  },
  SCHEMA_NEWER: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "A newer banger wrote this state; use that one.",
  },
  PATH_TOO_LONG: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Set XDG_DATA_HOME and XDG_RUNTIME_DIR to shorter directories.",
  },
  DISK_FULL: { exit: EXIT.environment, fault: "environment", retry: "later", hint: "Free some space, then try again." },
  MEMORY_SHORT: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "later",
    hint: "Ask for less memory, or stop a machine.",
  },
  FILE_UNREADABLE: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Check that the path exists and that you may read it.",
  },
  IMAGE_CORRUPT: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Delete the image and build it again.",
  },
  KERNEL_CORRUPT: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Delete the kernel and pull it again.",
  },
  DOWNLOAD_FAILED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "later",
    hint: "Check the network and the host's package sources.",
  },
  BUILD_FAILED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "later",
    hint: "The last lines above are the builder's own.",
  },
  ACCELERATOR_UNAVAILABLE: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "`banger doctor` tells why KVM was not used.",
  },

  VMM_START_FAILED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "The VMM's last words are above; `banger logs` has the console.",
  },
  VMM_DIED: { exit: EXIT.environment, fault: "environment", retry: "later", hint: "`banger logs` has the console." },
  GUEST_PANICKED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "The machine was kept; `banger logs` has the whole console.",
  },
  GUEST_SILENT: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "later",
    hint: "The machine was kept; `banger logs` has the whole console.",
  },
  GUEST_REFUSED: {
    exit: EXIT.environment,
    fault: "user",
    retry: "never",
    hint: "The guest could not do what was asked.",
  },
  GUEST_PROTOCOL: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "The guest's agent broke the protocol; delete the machine if you do not trust it.",
  },
  COMMAND_NOT_FOUND: { exit: 127, fault: "user", retry: "never", hint: "The command is not in the image's PATH." },
  COMMAND_NOT_EXECUTABLE: {
    exit: 126,
    fault: "user",
    retry: "never",
    hint: "The file is there, but it can not be executed.",
  },

  DAEMON_UNREACHABLE: {
    exit: EXIT.unavailable,
    fault: "environment",
    retry: "later",
    hint: "`banger daemon status` tells more; its log is in the state directory.",
  },
  DAEMON_BUSY: {
    exit: EXIT.conflict,
    fault: "environment",
    retry: "later",
    hint: "Wait for the running operations to end.",
  },
  VERSION_MISMATCH: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Run `banger daemon stop`; the next command starts the matching one.",
  },
  UNAUTHORIZED: {
    exit: EXIT.environment,
    fault: "user",
    retry: "never",
    hint: "Only the owner of the daemon may do this.",
  },
  COMMAND_FAILED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "The program's own last words are in the message; `banger doctor` checks what it needs.",
  },
  PROTOCOL_BROKEN: {
    exit: EXIT.unavailable,
    fault: "system",
    retry: "never",
    hint: "The other end is not banger, or is a broken build of it; restart the daemon.",
  },
  OUTPUT_FAILED: {
    exit: EXIT.environment,
    fault: "environment",
    retry: "never",
    hint: "Look at where the output goes: a full disk, or a device that takes nothing.",
  },
  TIMEOUT: {
    exit: EXIT.unavailable,
    fault: "environment",
    retry: "later",
    hint: "Try again; if it stays so, see `banger doctor`.",
  },
  CANCELLED: { exit: EXIT.interrupted, fault: "user", retry: "never", hint: "Nothing was left behind." },
  INTERNAL: {
    exit: EXIT.internal,
    fault: "system",
    retry: "never",
    hint: "This is a bug in banger; please report it.",
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalog;
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
