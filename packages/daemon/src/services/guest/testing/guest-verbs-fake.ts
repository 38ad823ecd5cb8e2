/** What the fake agent does for each verb. */
import type { Duplex } from "node:stream";
import { ERRNO } from "@banger/contract/guest/errno";
import { decodeFields, type FieldsOut } from "@banger/contract/guest/fields";
import { type GuestVerb, guestVerbs } from "@banger/contract/guest/messages";
import { joinedEnds, type SeparateEnds, separateEnds } from "../channel/stream-ends.ts";
import { type FakeAgentPort, FakeRefusal, type FakeRequest } from "./guest-agent-port-fake.ts";
import { FakeCommands } from "./guest-commands-fake.ts";
import { FakeFiles } from "./guest-files-fake.ts";

type Request<V extends GuestVerb> = FieldsOut<(typeof guestVerbs)[V]["request"]>;
type Handlers = { readonly [V in GuestVerb]: (request: FakeRequest<V>, fields: Request<V>) => void };

export class FakeVerbs {
  readonly commands: FakeCommands;
  readonly files = new FakeFiles();
  /** what listens inside, by port */
  readonly listeners = new Map<number, (connection: Duplex) => void>();
  /** every CONFIGURE that came */
  readonly configured: Request<"configure">[] = [];
  /** POWEROFF modes that came */
  readonly powerOffs: number[] = [];
  /** why GROW is refused */
  growFailure: string | undefined;
  readonly #agent: FakeAgentPort;
  readonly #handlers: Handlers;

  constructor(agent: FakeAgentPort) {
    this.#agent = agent;
    this.commands = new FakeCommands(agent);
    this.#handlers = { ...this.#commandVerbs(), ...this.#fileVerbs(), ...this.#machineVerbs() };
  }

  handle<V extends GuestVerb>(request: FakeRequest<V>, body: Uint8Array): void {
    const table: (typeof guestVerbs)[V]["request"] = guestVerbs[request.verb].request;
    this.#handlers[request.verb](request, decodeFields(table, body));
  }

  #commandVerbs() {
    const { commands } = this;
    const done = (request: FakeRequest<"signal" | "resize" | "release">) => this.#agent.answer(request, {});
    return {
      exec: (request: FakeRequest<"exec">, fields: Request<"exec">) => commands.exec(request, fields),
      execs: (request: FakeRequest<"execs">) => this.#agent.answer(request, { exec: commands.list() }),
      signal: (request: FakeRequest<"signal">, { id, signal }: Request<"signal">) => {
        commands.signal(id.raw(), signal);
        done(request);
      },
      resize: (request: FakeRequest<"resize">, { id }: Request<"resize">) => {
        commands.resize(id.raw());
        done(request);
      },
      release: (request: FakeRequest<"release">, { id }: Request<"release">) => {
        commands.release(id.raw());
        done(request);
      },
    };
  }

  #fileVerbs() {
    const { files } = this;
    const agent = this.#agent;
    return {
      stat: (request: FakeRequest<"stat">, { path }: Request<"stat">) => {
        const { bytes, mode, uid, gid } = files.find(path.raw());
        agent.answer(request, { mode: mode | 0o100000, size: bytes.length, uid, gid, mtime: 0n });
      },
      read: (request: FakeRequest<"read">, { path, stream, window, from = 0, count }: Request<"read">) => {
        const { bytes } = files.find(path.raw());
        const part = bytes.subarray(from, count === undefined ? undefined : from + count);
        const ends = this.#ends({ id: stream, window, use: "send" });
        this.#later(request, async () => {
          await files.send(part, ends);
          agent.answer(request, {});
        });
      },
      write: (request: FakeRequest<"write">, fields: Request<"write">) => {
        const { path, stream, mode = 0o644, uid = 0, gid = 0, flags = 0 } = fields;
        files.checkWrite(path.raw(), flags);
        const ends = this.#ends({ id: stream, window: 0, use: "receive" });
        this.#later(request, async () => {
          const bytes = await files.receive(ends);
          files.files.set(path.raw(), { bytes, mode, uid, gid });
          agent.answer(request, { bytes: bytes.length });
        });
      },
      tarOut: (request: FakeRequest<"tarOut">, fields: Request<"tarOut">) => {
        const { directory, stream, window, member } = fields;
        const archive = files.pack(
          directory.raw(),
          member.map((one) => one.raw()),
        );
        const ends = this.#ends({ id: stream, window, use: "send" });
        this.#later(request, async () => {
          await files.send(archive, ends);
          agent.answer(request, { entries: 1, bytes: archive.length });
        });
      },
      tarIn: (request: FakeRequest<"tarIn">, { directory, stream }: Request<"tarIn">) => {
        const ends = this.#ends({ id: stream, window: 0, use: "receive" });
        this.#later(request, async () => {
          const archive = await files.receive(ends);
          agent.answer(request, { entries: files.unpack(directory.raw(), archive), bytes: archive.length });
        });
      },
    };
  }

  #machineVerbs() {
    const agent = this.#agent;
    return {
      configure: (request: FakeRequest<"configure">, fields: Request<"configure">) => {
        this.configured.push(fields);
        if (fields.environment.length > 0) this.commands.environment = fields.environment.map((one) => one.raw());
        const applied = Object.entries(fields).filter(([, value]) => value !== undefined && !isEmpty(value));
        agent.answer(request, { applied: applied.map(([name]) => name) });
      },
      forward: (request: FakeRequest<"forward">, { port, stream, window }: Request<"forward">) => {
        const listener = this.listeners.get(port);
        if (!listener) throw new FakeRefusal(ERRNO.connectionRefused, `nobody listens on port ${port}`);
        const opened = agent.openStream({ id: stream, window, use: "both", durable: false });
        const { mux } = agent;
        listener(joinedEnds({ mux, stream: opened }, { closed: () => mux.forget(opened) }));
        agent.answer(request, {});
      },
      stats: (request: FakeRequest<"stats">) =>
        agent.answer(request, {
          ...{ uptime: 1_000, load1: 10, load5: 5, load15: 1, memoryTotal: 2 ** 29, memoryAvailable: 2 ** 28 },
          ...{ cpuBusy: 100, cpuTotal: 1_000, processes: 3 },
          disk: [{ mount: "/", size: 2 ** 33, free: 2 ** 32, inodes: 1_000, inodesFree: 900 }],
        }),
      sync: (request: FakeRequest<"sync">) => agent.answer(request, {}),
      grow: (request: FakeRequest<"grow">) => {
        if (this.growFailure !== undefined) throw new FakeRefusal(ERRNO.invalid, this.growFailure);
        agent.answer(request, { bytes: 2 ** 33 });
      },
      poweroff: (request: FakeRequest<"poweroff">, { mode }: Request<"poweroff">) => {
        this.powerOffs.push(mode);
        agent.answer(request, {});
      },
      ports: (request: FakeRequest<"ports">) =>
        agent.answer(request, { port: [...this.listeners.keys()].map((port) => ({ port, address: "0.0.0.0" })) }),
      upgrade: (request: FakeRequest<"upgrade">, { stream, size }: Request<"upgrade">) => {
        const ends = this.#ends({ id: stream, window: 0, use: "receive" });
        this.#later(request, async () => {
          const binary = await this.files.receive(ends);
          if (binary.length !== size) throw new FakeRefusal(ERRNO.invalid, "it is not as large as was said");
          agent.answer(request, {});
          agent.upgraded(binary.toString("utf8"));
        });
      },
      cancel: (request: FakeRequest<"cancel">) => agent.answer(request, {}),
    };
  }

  #ends(options: { id: number; window: number; use: "send" | "receive" }): SeparateEnds {
    const { mux } = this.#agent;
    const stream = this.#agent.openStream({ ...options, durable: false });
    return separateEnds({ mux, stream }, { allRead: () => options.use === "receive" && mux.forget(stream) });
  }

  #later(request: FakeRequest<GuestVerb>, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const errno = error instanceof FakeRefusal ? error.errno : ERRNO.canceled;
      this.#agent.refuse(request, { errno, text: error instanceof Error ? error.message : "" });
    });
  }
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
