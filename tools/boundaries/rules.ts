/**
 * The import rules of the packages, as data: what a package may import, and what may be said in one place only.
 * Each has the reason that a reader sees when it is broken.
 */

export type PackageRule = {
  /** packages it may import; `name/folder` allows that folder alone */
  readonly packages: readonly string[];
  readonly npm: readonly string[];
  /** whether it may import `node:*` */
  readonly node: boolean;
  readonly reason: string;
};

export const packageRules: { readonly [name: string]: PackageRule } = {
  contract: {
    packages: [],
    npm: ["zod"],
    node: false,
    reason: "it is what both ends of a wire agree on, in a browser too",
  },
  platform: {
    packages: ["contract"],
    npm: [],
    node: true,
    reason: "it holds mechanisms without words about machines, and the root helper will rest on it",
  },
  vmm: {
    packages: ["contract", "platform"],
    npm: [],
    node: true,
    reason: "a driver knows one machine monitor, not the control plane",
  },
  daemon: {
    packages: ["contract", "platform", "vmm"],
    npm: ["pino", "zod"],
    node: true,
    reason: "the control plane knows no face: clients come over the socket",
  },
  sdk: {
    // Beside the connection: what it takes to find the user's daemon, and to start it on first use; and git, which alone
    // knows what belongs to the repository that the user sends into a machine.
    packages: ["contract", "platform/rpc", "platform/process", "platform/fs", "platform/time", "platform/exec"],
    npm: [],
    node: true,
    reason: "others build on it, so it carries the connection, the start of the daemon, and nothing of what that does",
  },
  cli: {
    // Beside the SDK: stty, because Node's raw mode leaves half of the terminal as it was.
    packages: ["sdk", "contract", "platform/exec"],
    npm: ["commander", "get-east-asian-width", "smol-toml"],
    node: true,
    reason: "a face does nothing that another client of the SDK could not do",
  },
};

/** A text that only some files may contain; tests may contain it too. */
export type TextRule = {
  readonly name: string;
  readonly forbidden: RegExp;
  /** folders (with a slash at the end) that the rule is about; all packages if absent */
  readonly within?: readonly string[];
  /** files, or folders with a slash at the end, that may; `*` stands for one folder name */
  readonly except: readonly string[];
  readonly reason: string;
};

export const textRules: readonly TextRule[] = [
  {
    name: "child processes",
    forbidden: /"node:child_process"/,
    except: ["packages/platform/src/"],
    reason: "only platform ends processes with all that hangs on them",
  },
  {
    name: "argv, environment, signals, exit",
    forbidden: /\bprocess\.(?:argv|env|exit\b|exitCode|on\("SIG|once\("SIG)/,
    except: ["packages/*/src/main.ts"],
    reason: "what a process is told from outside enters at main.ts and is passed on as values",
  },
  {
    name: "services",
    forbidden: /\bnew [A-Z]\w*Service\(/,
    except: ["packages/daemon/src/compose.ts", "packages/daemon/src/compose-stores.ts"],
    reason: "what is wired is seen in one place, and tests compose the product through it",
  },
  {
    name: "pids",
    forbidden: /\bprocess\.kill\([^{)]|\/proc\/\$\{|"\/proc"/,
    // A child that nobody has waited for keeps its number, and that of its group.
    except: [
      "packages/platform/src/process/liveness.ts",
      "packages/platform/src/process/spawn-detached.ts",
      "packages/platform/src/exec/end-group.ts",
    ],
    reason: "a number alone may be another process by now: ask the one function that compares start time and boot",
  },
  {
    name: "synchronous files",
    forbidden: /\b(?!DatabaseSync\b|StatementSync\b)\w+Sync\(/,
    within: ["packages/daemon/src/"],
    // All are done before the first request is heard.
    except: ["packages/daemon/src/main.ts", "packages/daemon/src/logging.ts", "packages/daemon/src/store/database.ts"],
    reason: "one slow disk would stop every machine's requests",
  },
  {
    name: "all of zod",
    forbidden: /import (?:type )?\{[^}]*\bz\b[^}]*\} from "zod"/,
    except: [],
    reason: "it brings zod's messages in every language into the bundle; `import * as z` is cut to what is used",
  },
  {
    name: "recursive removal",
    forbidden: /\brm\([^;]*recursive: true/,
    except: ["packages/platform/src/fs/"],
    reason: "removing a tree is done by the one function that stays beneath its directory",
  },
];
