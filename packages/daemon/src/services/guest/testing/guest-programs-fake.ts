/** The programs that the fake agent can run: a few of every system's, and a shell that knows `;` and `>&2`. */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

export type ProgramEnd = { readonly status: number } | { readonly signal: number };
export type ProgramIo = {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly environment: ReadonlyMap<string, string>;
  /** settles with the number of the first signal */
  readonly signalled: Promise<number>;
};
type Program = (args: readonly string[], io: ProgramIo) => Promise<ProgramEnd>;

const OK: ProgramEnd = { status: 0 };

const PROGRAMS: Readonly<Record<string, Program>> = {
  true: async () => OK,
  false: async () => ({ status: 1 }),
  echo: async (args, io) => await print(io.stdout, `${args.join(" ")}\n`),
  cat: async (_args, io) => {
    for await (const chunk of io.stdin) await print(io.stdout, chunk);
    return OK;
  },
  seq: async (args, io) => {
    const numbers = args.map(Number);
    const [first = 1, last = first] = numbers;
    let block = "";
    for (let n = numbers.length > 1 ? first : 1; n <= last; n++) {
      block += `${n}\n`;
      if (block.length > 8_192) {
        await print(io.stdout, block);
        block = "";
      }
    }
    return await print(io.stdout, block);
  },
  printenv: async ([name = ""], io) => {
    const value = io.environment.get(name);
    return value === undefined ? { status: 1 } : await print(io.stdout, `${value}\n`);
  },
  sleep: async (_args, io) => ({ signal: await io.signalled }),
  sh: async (args, io) => await shell(args[1] ?? "", io),
};

export function findProgram(name: string): Program | undefined {
  return PROGRAMS[name.slice(name.lastIndexOf("/") + 1)];
}

async function print(to: Writable, what: string | Uint8Array): Promise<ProgramEnd> {
  if (!to.write(what)) await once(to, "drain");
  return OK;
}

async function shell(script: string, io: ProgramIo): Promise<ProgramEnd> {
  let end: ProgramEnd = OK;
  for (const statement of script.split(";")) {
    const words = statement.trim().split(/\s+/);
    const toStderr = words.at(-1) === ">&2";
    const [name = "", ...args] = toStderr ? words.slice(0, -1) : words;
    if (name === "exit") return { status: Number(args[0] ?? 0) };
    if (name === "kill") return { signal: Number((args[0] ?? "-15").slice(1)) };
    const program = findProgram(name);
    if (!program) return { status: 127 };
    end = await program(args, toStderr ? { ...io, stdout: io.stderr } : io);
    if ("signal" in end) return end;
  }
  return end;
}
