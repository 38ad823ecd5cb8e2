/** What is in the fake machines: one agent each, which lives as long as its machine and powers it off when asked. */
import type { Duplex } from "node:stream";
import type { FieldsIn } from "@banger/contract/guest/fields";
import type { GuestVerb, guestVerbs } from "@banger/contract/guest/messages";
import type { VmmSpec } from "@banger/vmm/driver";
import type { FakeHost } from "@banger/vmm/fake/host";
import { FakeAgent } from "../services/guest/testing/guest-agent-fake.ts";
import type { FakeRequest } from "../services/guest/testing/guest-agent-port-fake.ts";

export class FakeGuests {
  /** by the nonce of the machine's run */
  readonly agents = new Map<string, FakeAgent>();
  /** `ignores` answers POWEROFF and stays */
  powerOff: "obeys" | "ignores" = "obeys";
  /** false: no guest answers any more */
  answers = true;
  readonly #host: FakeHost;

  constructor(host: FakeHost) {
    this.#host = host;
    host.guest = (pipe, spec) => this.#plug(pipe, spec);
  }

  of(id: string): FakeAgent {
    const agent = this.agents.get(this.#host.machine(id)?.spec.nonce ?? "");
    if (!agent) throw new Error(`machine ${id} has no agent`);
    return agent;
  }

  #plug(pipe: Duplex, spec: VmmSpec): void {
    if (!this.answers) return;
    const known = this.agents.get(spec.nonce);
    const agent = known ?? new PoweredAgent(() => this.#poweredOff(spec));
    this.agents.set(spec.nonce, agent);
    agent.attach(pipe);
  }

  #poweredOff(spec: VmmSpec): void {
    const machine = this.#host.machine(spec.id);
    if (machine && this.powerOff === "obeys") this.#host.end(machine, { status: 0, signal: null });
  }
}

class PoweredAgent extends FakeAgent {
  readonly #poweredOff: () => void;

  constructor(poweredOff: () => void) {
    super();
    this.#poweredOff = poweredOff;
  }

  override answer<V extends GuestVerb>(
    request: FakeRequest<V>,
    fields: FieldsIn<(typeof guestVerbs)[V]["answer"]>,
  ): void {
    super.answer(request, fields);
    if (request.verb === "poweroff") setImmediate(this.#poweredOff);
  }
}
