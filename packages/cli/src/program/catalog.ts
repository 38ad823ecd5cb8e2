/**
 * Every command by name, with one line about it. Bodies are loaded when they are run, so that a start pays for one command only.
 */
import type { Command } from "./command.ts";

/** Parts of the overview, in their order, with their titles. */
export const parts = {
  use: "Use machines",
  look: "Look at machines",
  life: "Make, change and end machines",
  host: "This host",
} as const;
export type Part = keyof typeof parts;

export type Entry = {
  /** noun and verb, or one word */
  readonly path: readonly [string, ...string[]];
  /** further names; those of one word stand at the top level */
  readonly aliases: readonly (readonly [string, ...string[]])[];
  readonly summary: string;
  /** where the overview has it, if it stands at the top level; `life` for the verbs of vm, `host` for words of their own */
  readonly part?: Part;
  load(): Promise<{ readonly command: Command }>;
};

export const nouns: Readonly<Record<string, string>> = {
  vm: "machines",
  image: "root file systems",
  kernel: "kernels",
  operation: "what the daemon is working on",
  config: "what is configured, and where",
  daemon: "the process behind the command line",
};

function vm(verb: string, entry: Omit<Entry, "path" | "aliases">, others: readonly string[] = []): Entry {
  const aliases = others.flatMap((name): [string, ...string[]][] => [[name], ["vm", name]]);
  return { path: ["vm", verb], aliases: [[verb], ...aliases], ...entry };
}

/** In the overview; undefined for what only its noun's own overview tells. */
export function partOf({ path, part }: Entry): Part | undefined {
  if (path.length === 1) return part ?? "host";
  return path[0] === "vm" ? (part ?? "life") : undefined;
}

export const catalog: readonly Entry[] = [
  vm("run", {
    part: "use",
    summary: "make a machine and run a command or a shell in it",
    load: () => import("../commands/vm/run.ts"),
  }),
  vm("exec", {
    part: "use",
    summary: "run a command in a running machine",
    load: () => import("../commands/vm/exec.ts"),
  }),
  vm("attach", {
    part: "use",
    summary: "take up a command that was left running in a machine",
    load: () => import("../commands/vm/attach.ts"),
  }),
  vm("create", { summary: "make a machine", load: () => import("../commands/vm/create.ts") }),
  vm("start", { summary: "start stopped machines", load: () => import("../commands/vm/start.ts") }),
  vm("stop", { summary: "power machines off", load: () => import("../commands/vm/stop.ts") }),
  vm("restart", {
    summary: "power machines off and start them again",
    load: () => import("../commands/vm/restart.ts"),
  }),
  vm("kill", {
    summary: "pull the plug of machines, or signal their commands",
    load: () => import("../commands/vm/kill.ts"),
  }),
  vm("pause", { summary: "hold machines where they are", load: () => import("../commands/vm/pause.ts") }),
  vm("resume", { summary: "let paused machines go on", load: () => import("../commands/vm/resume.ts") }),
  vm("rename", { summary: "give a machine another name", load: () => import("../commands/vm/rename.ts") }),
  vm("set", {
    summary: "change processors, memory, disk and variables of machines",
    load: () => import("../commands/vm/set.ts"),
  }),
  vm("wait", { summary: "wait for machines or their commands", load: () => import("../commands/vm/wait.ts") }),
  vm("reset", { summary: "put root disks back to their images", load: () => import("../commands/vm/reset.ts") }),
  vm("prune", { summary: "remove machines that do not run", load: () => import("../commands/vm/prune.ts") }),
  vm("delete", { summary: "end machines and remove all they have", load: () => import("../commands/vm/delete.ts") }, [
    "rm",
  ]),
  vm("list", { part: "look", summary: "list the machines", load: () => import("../commands/vm/list.ts") }, [
    "ps",
    "ls",
  ]),
  vm("show", { part: "look", summary: "tell all about a machine", load: () => import("../commands/vm/show.ts") }),
  vm("cp", { part: "use", summary: "copy files into and out of machines", load: () => import("../commands/vm/cp.ts") }),
  vm("stats", { part: "look", summary: "show what machines use", load: () => import("../commands/vm/stats.ts") }),
  vm("ports", {
    part: "look",
    summary: "list what listens in machines",
    load: () => import("../commands/vm/ports.ts"),
  }),
  vm("publish", {
    part: "use",
    summary: "let ports of this host lead to a machine",
    load: () => import("../commands/vm/publish.ts"),
  }),
  vm("unpublish", {
    part: "use",
    summary: "take published ports back",
    load: () => import("../commands/vm/unpublish.ts"),
  }),
  vm("forward", {
    part: "use",
    summary: "let ports of this host lead to a machine while this runs",
    load: () => import("../commands/vm/forward.ts"),
  }),
  vm("logs", {
    part: "look",
    summary: "print what a machine has written",
    load: () => import("../commands/vm/logs.ts"),
  }),
  {
    path: ["image", "build"],
    aliases: [],
    summary: "build an image from a recipe",
    load: () => import("../commands/image/build.ts"),
  },
  {
    path: ["image", "list"],
    aliases: [["image", "ls"]],
    summary: "list the images",
    load: () => import("../commands/image/list.ts"),
  },
  {
    path: ["image", "show"],
    aliases: [],
    summary: "tell all about an image",
    load: () => import("../commands/image/show.ts"),
  },
  {
    path: ["image", "delete"],
    aliases: [["image", "rm"]],
    summary: "remove images",
    load: () => import("../commands/image/delete.ts"),
  },
  {
    path: ["kernel", "pull"],
    aliases: [],
    summary: "fetch a kernel",
    load: () => import("../commands/kernel/pull.ts"),
  },
  {
    path: ["kernel", "list"],
    aliases: [["kernel", "ls"]],
    summary: "list the kernels",
    load: () => import("../commands/kernel/list.ts"),
  },
  {
    path: ["kernel", "show"],
    aliases: [],
    summary: "tell all about a kernel",
    load: () => import("../commands/kernel/show.ts"),
  },
  {
    path: ["kernel", "delete"],
    aliases: [["kernel", "rm"]],
    summary: "remove kernels",
    load: () => import("../commands/kernel/delete.ts"),
  },
  {
    path: ["operation", "list"],
    aliases: [["operation", "ls"]],
    summary: "list what is under way, and what has ended",
    load: () => import("../commands/operation/list.ts"),
  },
  {
    path: ["operation", "show"],
    aliases: [],
    summary: "tell all about an operation",
    load: () => import("../commands/operation/show.ts"),
  },
  {
    path: ["operation", "wait"],
    aliases: [],
    summary: "wait for an operation to end",
    load: () => import("../commands/operation/wait.ts"),
  },
  {
    path: ["operation", "cancel"],
    aliases: [],
    summary: "cancel operations, and wait until all is undone",
    load: () => import("../commands/operation/cancel.ts"),
  },
  {
    path: ["config", "show"],
    aliases: [],
    summary: "tell what is configured, and where",
    load: () => import("../commands/config/show.ts"),
  },
  {
    path: ["config", "path"],
    aliases: [],
    summary: "tell where the configuration lies",
    load: () => import("../commands/config/path.ts"),
  },
  {
    path: ["daemon", "status"],
    aliases: [],
    summary: "tell about the daemon",
    load: () => import("../commands/daemon/status.ts"),
  },
  {
    path: ["daemon", "start"],
    aliases: [],
    summary: "start the daemon",
    load: () => import("../commands/daemon/start.ts"),
  },
  {
    path: ["daemon", "stop"],
    aliases: [],
    summary: "stop the daemon; machines keep running",
    load: () => import("../commands/daemon/stop.ts"),
  },
  {
    path: ["doctor"],
    aliases: [],
    summary: "check what banger needs of this host",
    load: () => import("../commands/system/doctor.ts"),
  },
  {
    path: ["completion"],
    aliases: [],
    summary: "print what makes a shell complete command lines",
    load: () => import("../commands/system/completion.ts"),
  },
  {
    path: ["version"],
    aliases: [],
    summary: "tell which build this is",
    load: () => import("../commands/system/version.ts"),
  },
];
