/**
 * The command line's process: the only place that reads arguments, environment and signals. `--version` is answered before
 * anything else is loaded, for it is what scripts ask first.
 */
import { join } from "node:path";
import { describeChain, EXIT } from "@banger/contract/errors";
import { builtAt, commit, version } from "@banger/contract/version";

function printVersion(): void {
  process.stdout.write(`banger ${version} (${commit}, built ${builtAt})\n`);
}

async function main(argv: readonly string[]): Promise<void> {
  const [{ runProgram }, { Interrupts, interruptSignals }] = await Promise.all([
    import("./program/run-program.ts"),
    import("./terminal/interrupts.ts"),
  ]);
  process.on("uncaughtException", giveUp);
  const interrupts = new Interrupts((status) => process.exit(status));
  for (const name of interruptSignals) process.on(name, () => interrupts.receive(name));
  const status = await runProgram({
    argv,
    env: process.env,
    uid: process.getuid?.() ?? 0,
    build: { version, commit, builtAt },
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    rawOutput: async () => await (await import("./terminal/raw-output.ts")).rawOutput(),
    interrupts,
    // MiB; by itself the heap of new objects grows to many times of what a daemon that mostly waits has use for.
    // When it waits it collects what its work has left.
    daemonArgv: [
      process.execPath,
      "--max-semi-space-size=1",
      "--expose-gc",
      join(import.meta.dirname, "../daemon/bangerd.cjs"),
    ],
    execute: becomeProgram,
    pause: async (ms, signal) => await (await import("./terminal/pause.ts")).pause(ms, signal),
    now: Date.now,
  });
  // All that was written has left; standard input may stay open for ever.
  process.exit(status);
}

/** A fault of ours that nothing else caught; Node gives the terminal back at exit. */
function giveUp(error: unknown): never {
  process.stderr.write(`banger: something failed that should not: ${describeChain(error)}\n`);
  process.exit(EXIT.internal);
}

function becomeProgram(argv: readonly string[], env: Record<string, string>): never {
  process.execve?.(argv[0] ?? "", [...argv], env);
  throw new Error("this Node can not become another program");
}

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) printVersion();
else void main(argv);
