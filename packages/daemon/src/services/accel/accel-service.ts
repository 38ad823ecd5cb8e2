/**
 * KVM or emulation, decided by proof: /dev/kvm may exist, make machines and virtual CPUs, and still never run a guest.
 *
 * The proof is our own kernel's agent answering under KVM. The verdict holds for one boot of the host and one version of
 * the VMM, is kept in the state directory, and is shown by doctor with its reason. A proof that could not be carried out
 * proves nothing: emulation then serves this once, and the next machine asks again.
 */
import { readFile } from "node:fs/promises";
import { AppError, describeChain } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import { raceAbort } from "@banger/platform/time/deadline";
import type { Accelerator } from "@banger/vmm/driver";
import * as z from "zod";

const Verdict = z.object({
  accelerator: z.enum(["kvm", "tcg"]),
  reason: z.string(),
  bootId: z.string(),
  vmm: z.string(),
});
export type Verdict = z.infer<typeof Verdict>;

type Waiting = { readonly signal: AbortSignal };

export type AccelDeps = {
  /** where the verdict is kept */
  readonly file: string;
  readonly bootId: () => string;
  readonly vmmVersion: (waiting: Waiting) => Promise<string>;
  /** why KVM cannot even be tried, or undefined */
  readonly obstacle: () => Promise<string | undefined>;
  /** boots a guest under KVM and resolves when its agent has answered; rejects with GUEST_SILENT when it did not in time */
  readonly prove: (waiting: Waiting) => Promise<void>;
};

/** far beyond what a proof and its clean-up take */
const DECIDE_MS = 60_000;

export class AccelService {
  readonly #deps: AccelDeps;
  #deciding: Promise<Verdict> | undefined;

  constructor(deps: AccelDeps) {
    this.#deps = deps;
  }

  /** The verdict; proven at the first call of a boot, which then takes seconds. Callers at once share one proof, and it outlives them. */
  async decide({ signal }: Waiting): Promise<Verdict> {
    this.#deciding ??= this.#decide({ signal: AbortSignal.timeout(DECIDE_MS) }).finally(() => {
      this.#deciding = undefined;
    });
    return await raceAbort(this.#deciding, signal);
  }

  /** What was decided before, without a proof. */
  async known(waiting: Waiting): Promise<Verdict | undefined> {
    const [kept, vmm] = [await this.#read(), await this.#deps.vmmVersion(waiting)];
    return kept?.bootId === this.#deps.bootId() && kept.vmm === vmm ? kept : undefined;
  }

  async #decide(waiting: Waiting): Promise<Verdict> {
    const obstacle = await this.#deps.obstacle();
    if (obstacle !== undefined) return await this.#verdict("tcg", obstacle, waiting);
    const known = await this.known(waiting);
    if (known) return known;
    const { proven, verdict } = await this.#prove(waiting);
    if (proven) await atomicWrite(this.#deps.file, JSON.stringify(verdict));
    return verdict;
  }

  async #prove(waiting: Waiting): Promise<{ proven: boolean; verdict: Verdict }> {
    try {
      await this.#deps.prove(waiting);
      return { proven: true, verdict: await this.#verdict("kvm", "a guest answered under KVM", waiting) };
    } catch (error) {
      const reason = `no guest ran under KVM: ${describeChain(error)}`;
      return {
        proven: AppError.is(error, "GUEST_SILENT"),
        verdict: await this.#verdict("tcg", reason, waiting),
      };
    }
  }

  async #verdict(accelerator: Accelerator, reason: string, waiting: Waiting): Promise<Verdict> {
    return { accelerator, reason, bootId: this.#deps.bootId(), vmm: await this.#deps.vmmVersion(waiting) };
  }

  async #read(): Promise<Verdict | undefined> {
    try {
      return Verdict.parse(JSON.parse(await readFile(this.#deps.file, "utf8")));
    } catch {
      return undefined; // never decided, or not readable: decide again
    }
  }
}
