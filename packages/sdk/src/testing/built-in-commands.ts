/** Commands of the fake daemon: enough to see bytes, sizes, signals and statuses go through. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ExecControl, type ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";

export type CommandParams = {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly tty?: { readonly rows: number; readonly columns: number } | undefined;
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
};

type Streams = { readonly stdin: Duplex; readonly stdout: Duplex; readonly stderr: Duplex };
type Run = Streams & { readonly params: CommandParams; readonly orders: AsyncIterator<ExecControl> };
type BuiltIn = (args: readonly string[], run: Run) => Promise<ExecEnd>;

const CHUNK = 64 << 10;

const builtIns: Readonly<Record<string, BuiltIn>> = {
  true: async () => ({ status: 0 }),
  exit: async ([status]) => ({ status: Number(status) }),
  kill: async ([signal]) => ({ signal: Number(signal) }),
  echo: async (args, { stdout }) => {
    stdout.write(`${args.join(" ")}\n`);
    return { status: 0 };
  },
  /** of any directory */
  ls: async (_args, { stdout }) => {
    stdout.write(".git/\nREADME\nsrc/\na b\n$(reboot)\n");
    return { status: 0 };
  },
  complain: async (args, { stderr }) => {
    stderr.write(`${args.join(" ")}\n`);
    return { status: 1 };
  },
  cat: async (_args, { stdin, stdout }) => {
    await pipeline(stdin, stdout, { end: false });
    return { status: 0 };
  },
  /** that many bytes, all values in turn */
  bytes: async ([count], { stdout }) => {
    const block = Buffer.from(Array.from({ length: CHUNK }, (_, index) => index % 256));
    for (let left = Number(count); left > 0; left -= CHUNK) {
      if (!stdout.write(block.subarray(0, Math.min(left, CHUNK)))) await once(stdout, "drain");
    }
    return { status: 0 };
  },
  params: async (_args, { stdout, params }) => {
    stdout.write(`${JSON.stringify(params)}\n`);
    return { status: 0 };
  },
  /** tells each order that it gets; a signal that is no resize ends it, but SIGINT only the second time */
  orders: async (_args, { stdout, orders }) => {
    stdout.write("waiting\n");
    for (let signals = 0; ; ) {
      const next = await orders.next();
      if (next.done) return { status: 1 };
      stdout.write(`${JSON.stringify(next.value)}\n`);
      if (!("signal" in next.value)) continue;
      signals += 1;
      if (next.value.signal !== 2 || signals > 1) return { signal: next.value.signal };
    }
  },
  /** as in a guest that has stopped: orders are taken, told here, and change nothing */
  deaf: async (_args, { stdout, orders }) => {
    stdout.write("waiting\n");
    for (let next = await orders.next(); !next.done; next = await orders.next()) {
      stdout.write(`${JSON.stringify(next.value)}\n`);
    }
    return { status: 1 };
  },
};

/** Throws what the daemon would answer instead of an upgrade. */
export function serveBuiltIn(params: CommandParams): (mux: Mux) => Promise<void> {
  const [name = "", ...args] = params.argv;
  if (name === "denied") throw new AppError("COMMAND_NOT_EXECUTABLE", `${name} can not be executed`);
  // A shell: what it is given to read is one built-in a line.
  const found = name === "/bin/sh" ? shell : builtIns[name];
  if (!found) throw new AppError("COMMAND_NOT_FOUND", `${JSON.stringify(name)} was not found in the machine`);
  return async (mux) => {
    const control = mux.stream(execStreams.control);
    const [stdin, stdout, stderr] = [execStreams.stdin, execStreams.stdout, execStreams.stderr].map((id) =>
      mux.stream(id),
    ) as Duplex[] as [Duplex, Duplex, Duplex];
    const end = await found(args, { stdin, stdout, stderr, params, orders: ordersOf(control) });
    for (const stream of [stdout, stderr]) stream.end();
    control.end(`${JSON.stringify(end)}\n`);
    await mux.close();
  };
}

async function* ordersOf(control: Duplex): AsyncGenerator<ExecControl, undefined> {
  for await (const line of createInterface({ input: control })) yield ExecControl.parse(JSON.parse(line));
  return undefined;
}

async function shell(_args: readonly string[], run: Run): Promise<ExecEnd> {
  const { params, stdout, stdin } = run;
  if (params.tty) stdout.write("# ");
  let typed = "";
  for await (const chunk of stdin) {
    typed += String(chunk);
    for (let at = typed.search(/[\r\n]/); at !== -1; at = typed.search(/[\r\n]/)) {
      const [name = "", ...args] = typed.slice(0, at).split(" ");
      typed = typed.slice(at + 1);
      if (name === "exit") return { status: Number(args[0] ?? 0) };
      await builtIns[name]?.(args, run);
    }
  }
  return { status: 0 };
}
