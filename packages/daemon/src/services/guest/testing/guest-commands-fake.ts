/** Commands of the fake agent: each runs once however often it is asked for, and is remembered until it is released. */
import { PassThrough, type Readable, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { ERRNO } from "@banger/contract/guest/errno";
import type { FieldsOut } from "@banger/contract/guest/fields";
import { EXEC_FLAG, type guestVerbs } from "@banger/contract/guest/messages";
import type { GuestStream } from "../channel/guest-stream.ts";
import { separateEnds } from "../channel/stream-ends.ts";
import { type FakeAgentPort, FakeRefusal, type FakeRequest } from "./guest-agent-port-fake.ts";
import { findProgram, type ProgramEnd } from "./guest-programs-fake.ts";

type Command = {
  readonly id: string;
  readonly pid: number;
  readonly out: GuestStream;
  readonly err: GuestStream | undefined;
  readonly signal: (number: number) => void;
  end: ProgramEnd | undefined;
  /** the session that has been told of the end */
  session: number;
};

type ExecRequest = FieldsOut<(typeof guestVerbs)["exec"]["request"]>;

export class FakeCommands {
  readonly #agent: FakeAgentPort;
  readonly #commands = new Map<string, Command>();
  #session = 0;
  environment: readonly string[] = [];
  /** how many were really started */
  started = 0;

  constructor(agent: FakeAgentPort) {
    this.#agent = agent;
  }

  newSession(): void {
    this.#session++;
  }

  forgetAll(): void {
    this.#commands.clear();
  }

  exec(request: FakeRequest<"exec">, fields: ExecRequest): void {
    const known = this.#commands.get(fields.id.raw());
    if (known) this.#join(known, request);
    else this.#start(request, fields);
  }

  #join(command: Command, request: FakeRequest<"exec">): void {
    this.#answer(request, command, 1);
    if (command.session === this.#session) return;
    command.session = this.#session;
    if (command.end) this.#tell(command);
  }

  #answer(request: FakeRequest<"exec">, command: Command, joined: number): void {
    this.#agent.answer(request, {
      pid: command.pid,
      joined,
      stream: command.out.id,
      stdoutFrom: command.out.send.acknowledged,
      stderrFrom: command.err?.send.acknowledged ?? 0,
    });
  }

  #start(request: FakeRequest<"exec">, fields: ExecRequest): void {
    const [name, ...args] = fields.argument.map((one) => one.raw());
    if (name === undefined) throw new FakeRefusal(ERRNO.invalid, "no command");
    const program = findProgram(name);
    if (!program) throw new FakeRefusal(ERRNO.noEntry, `no such command: ${name}`);
    const flags = fields.flags ?? 0;
    const hasStdin = (flags & EXEC_FLAG.stdin) !== 0;
    const window = fields.window;
    const out = this.#agent.openStream({ id: fields.stream, window, use: hasStdin ? "both" : "send", durable: true });
    const err =
      (flags & EXEC_FLAG.tty) === 0
        ? this.#agent.openStream({ id: fields.stream + 1, window, use: "send", durable: true })
        : undefined;
    const signals = Promise.withResolvers<number>();
    this.started++;
    const command: Command = {
      ...{ id: fields.id.raw(), pid: 1_000 + this.started, out, err, end: undefined },
      ...{ session: this.#session, signal: signals.resolve },
    };
    this.#commands.set(command.id, command);
    this.#answer(request, command, 0);
    const first = separateEnds({ mux: this.#agent.mux, stream: out });
    const stderr = err ? separateEnds({ mux: this.#agent.mux, stream: err }).writable : new PassThrough().resume();
    const stdin = hasStdin ? first.readable : empty();
    const environment = this.#environment(fields);
    const io = { stdin, stdout: first.writable, stderr, environment, signalled: signals.promise };
    void this.#run(command, () => program(args, io), [first.writable, stderr]);
  }

  async #run(command: Command, program: () => Promise<ProgramEnd>, outputs: readonly Writable[]): Promise<void> {
    try {
      const end = await program();
      for (const output of outputs) await finished(output.end(), { readable: false });
      command.end = end;
    } catch {
      // its streams were reset under it: it dies as of a broken pipe
      command.end = { signal: 13 };
    }
    if (command.session === this.#session) this.#tell(command);
  }

  #tell(command: Command): void {
    if (command.end) this.#agent.event("exited", { id: command.id, ...command.end });
  }

  #environment(fields: ExecRequest): ReadonlyMap<string, string> {
    const base = ((fields.flags ?? 0) & EXEC_FLAG.emptyEnvironment) !== 0 ? [] : this.environment;
    const own = fields.environment.map((one) => one.raw());
    return new Map([...base, ...own].map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]));
  }

  signal(id: string, number: number): void {
    this.#named(id).signal(number);
  }

  resize(id: string): void {
    if (this.#named(id).err) throw new FakeRefusal(25, "not a terminal");
  }

  release(id: string): void {
    const command = this.#commands.get(id);
    if (!command) return;
    if (!command.end) throw new FakeRefusal(16, "it is running");
    this.#commands.delete(id);
    for (const stream of [command.out, command.err]) if (stream?.send.finished) this.#agent.mux.forget(stream);
  }

  list() {
    return [...this.#commands.values()].map(({ id, pid, out, end }) => ({
      ...{ id, pid, stream: out.id, ended: end ? 1 : 0, started: 0n },
      status: end && "status" in end ? end.status : 0,
      signal: end && "signal" in end ? end.signal : 0,
    }));
  }

  #named(id: string): Command {
    const command = this.#commands.get(id);
    if (!command) throw new FakeRefusal(ERRNO.noEntry, "no such command");
    return command;
  }
}

function empty(): Readable {
  return new PassThrough().end();
}
