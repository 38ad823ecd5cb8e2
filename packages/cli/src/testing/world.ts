/** A fake daemon where the command line looks for one, and the command line run in this process or as one of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { builtAt, commit, version } from "@banger/contract/version";
import { DaemonFake } from "@banger/sdk/testing/daemon-fake";
import { runProgram } from "../program/run-program.ts";
import { Interrupts } from "../terminal/interrupts.ts";

/** Its output is missing when that goes elsewhere. */
export type Child = ChildProcessWithoutNullStreams;
export type Ran = { readonly status: number; readonly stdout: string; readonly stderr: string };
export type RunOptions = {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly interrupts?: Interrupts;
  /** what all three streams are said to be */
  readonly terminal?: { readonly columns: number };
  /** hear what is printed as it is printed */
  readonly onStdout?: () => void;
  readonly onStderr?: () => void;
};

export const ownBuild = { version, commit, builtAt };
/** a minute after everything that the fake daemon shows was made */
const NOW = Date.parse("2026-01-01T00:01:00.000Z");

export class World implements AsyncDisposable {
  readonly home: string;
  readonly daemon: DaemonFake;

  private constructor(home: string, daemon: DaemonFake) {
    this.home = home;
    this.daemon = daemon;
  }

  static async make(options: { build?: typeof ownBuild; protocol?: number } = {}): Promise<World> {
    const home = await mkdtemp(join(tmpdir(), "banger-cli-"));
    await mkdir(join(home, "run"), { mode: 0o700 });
    const { protocol, build = ownBuild } = options;
    const socket = join(home, "run/banger/bangerd.sock");
    return new World(home, await DaemonFake.start({ socket, build, ...(protocol !== undefined && { protocol }) }));
  }

  get env(): Record<string, string> {
    return { HOME: this.home, XDG_RUNTIME_DIR: join(this.home, "run"), PATH: "/usr/bin:/bin" };
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const isTTY = options.terminal !== undefined;
    const tty = { isTTY, ...options.terminal };
    const stdout = Object.assign(listening(options.onStdout), tty);
    const stderr = Object.assign(listening(options.onStderr), tty);
    const interrupts = options.interrupts ?? new Interrupts(() => undefined);
    const said = Promise.all([text(stdout), text(stderr)]);
    const status = await runProgram({
      argv,
      env: { ...this.env, ...options.env },
      uid: process.getuid?.() ?? 0,
      build: ownBuild,
      stdin: () =>
        Object.assign(Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]), { isTTY }),
      ...{ stdout, stderr, interrupts, rawOutput: () => Promise.resolve() },
      // The daemon of a world runs; a start is a failure that a test sees.
      daemonArgv: ["/bin/false"],
      execute: (program) => {
        throw new Error(`would become ${program.join(" ")}`);
      },
      // A world has no clock: what is waited for has come.
      pause: async (_, signal) => {
        await nextTurn();
        signal.throwIfAborted();
      },
      now: () => NOW,
    });
    for (const stream of [stdout, stderr]) stream.end();
    const [answer, remarks] = await said;
    return { status, stdout: answer, stderr: remarks };
  }

  /** The real thing, with pipes, or with its output elsewhere. */
  spawn(argv: readonly string[], { stdout = "pipe" }: { stdout?: "pipe" | number } = {}): Child {
    return spawn(process.execPath, [main, ...argv], { env: this.env, stdio: ["pipe", stdout, "pipe"] }) as Child;
  }

  /** The real thing at a terminal of its own, which script(1) makes; the shell goes on with `then`. */
  spawnAtTerminal(argv: readonly string[], then: string): Child {
    const line = [process.execPath, main, ...argv].map((word) => `'${word}'`).join(" ");
    const env = { ...this.env, SHELL: "/bin/sh", TERM: "dumb" };
    return spawn("/usr/bin/script", ["-qec", `stty rows 30 cols 100; ${line}${then}`, "/dev/null"], { env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await rm(this.home, { recursive: true });
  }
}

/** Tells of each write when it is made: what a reader hears comes later, and in another order. */
function listening(onWrite?: () => void): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      onWrite?.();
      done(null, chunk);
    },
  });
}

const main = join(import.meta.dirname, "../main.ts");

/** What a child says and how it ends; a signal counts as a shell counts it. */
export async function outcome(child: Child): Promise<Ran> {
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([child.stdout ? text(child.stdout) : "", text(child.stderr)]);
  const [status]: (number | null)[] = await closed;
  return { status: status ?? -1, stdout, stderr };
}

/** Resolves when the stream has said it; keeps what was said. */
export async function heard(stream: Readable, wanted: string): Promise<string> {
  let said = "";
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes(wanted)) return said;
  }
  throw new Error(`ended without saying ${JSON.stringify(wanted)}: ${JSON.stringify(said)}`);
}
