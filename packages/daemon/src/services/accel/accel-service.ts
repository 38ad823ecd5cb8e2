/**
 * KVM or emulation, decided by proof: /dev/kvm may exist, make machines and virtual CPUs, and still never run a guest.
 *
 * The proof is our own kernel's agent answering under KVM. The verdict holds for one boot of the host and one version of
 * the VMM, is kept in the state directory, and is shown by doctor with its reason. A VMM that crashes is as good a proof as
 * a guest that is silent. A proof that could not be carried out proves nothing: emulation then serves this once, and the
 * next machine asks again.
 */
import { readFile } from "node:fs/promises";
import { AppError, describeChain } from "@banger/contract/errors";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { Logger } from "@banger/platform/log";
import type { Accelerator } from "@banger/vmm/driver";
import * as z from "zod";
import { SharedWork } from "../content/shared-work.ts";

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
  /**
   * boots a guest under KVM and resolves when its agent has answered; rejects with GUEST_SILENT when it did not in time,
   * with the `signal` among the facts when the VMM was ended by one
   */
  readonly prove: (waiting: Waiting) => Promise<void>;
  readonly log: Logger;
};

/** far beyond what a proof and its clean-up take */
const DECIDE_MS = 60_000;
/** A VMM ends by one of these because of itself, not because somebody or the host's need ended it. */
const CRASHES: ReadonlySet<unknown> = new Set(["SIGABRT", "SIGSEGV", "SIGILL", "SIGFPE", "SIGTRAP"]);

export class AccelService {
  readonly #deps: AccelDeps;
  readonly #deciding = new SharedWork<Verdict>();
  /** what served last without being proven */
  #unproven: Verdict | undefined;

  constructor(deps: AccelDeps) {
    this.#deps = deps;
  }

  /**
   * The verdict; proven at the first call of a boot, which then takes seconds. Callers at once share one proof; the last
   * one to go away ends it.
   */
  async decide({ signal }: Waiting): Promise<Verdict> {
    return await this.#deciding.join("kvm", (context) => this.#decide(context), { signal });
  }

  /** What was decided before, or what is plain without a proof. */
  async known(waiting: Waiting): Promise<Verdict | undefined> {
    const obstacle = await this.#deps.obstacle();
    if (obstacle !== undefined) return await this.#verdict("tcg", obstacle, waiting);
    return (await this.#kept(waiting)) ?? this.#unproven;
  }

  async #decide(given: Waiting): Promise<Verdict> {
    const signal = AbortSignal.any([given.signal, AbortSignal.timeout(DECIDE_MS)]);
    const obstacle = await this.#deps.obstacle();
    if (obstacle !== undefined) return await this.#verdict("tcg", obstacle, { signal });
    const kept = await this.#kept({ signal });
    if (kept) return kept;
    const { proven, verdict } = await this.#prove({ signal }, given);
    this.#deps.log.info("acceleration decided", { ...verdict, proven });
    this.#unproven = proven ? undefined : verdict;
    if (proven) await atomicWrite(this.#deps.file, JSON.stringify(verdict));
    return verdict;
  }

  async #prove(waiting: Waiting, given: Waiting): Promise<{ proven: boolean; verdict: Verdict }> {
    try {
      await this.#deps.prove(waiting);
      return { proven: true, verdict: await this.#verdict("kvm", "a guest answered under KVM", given) };
    } catch (error) {
      given.signal.throwIfAborted();
      const reason = `no guest ran under KVM: ${describeChain(error)}`;
      return { proven: isProof(error), verdict: await this.#verdict("tcg", reason, given) };
    }
  }

  async #verdict(accelerator: Accelerator, reason: string, waiting: Waiting): Promise<Verdict> {
    return { accelerator, reason, bootId: this.#deps.bootId(), vmm: await this.#deps.vmmVersion(waiting) };
  }

  /** The proven one of this boot and this VMM. */
  async #kept(waiting: Waiting): Promise<Verdict | undefined> {
    const [kept, vmm] = [await this.#read(), await this.#deps.vmmVersion(waiting)];
    return kept?.bootId === this.#deps.bootId() && kept.vmm === vmm ? kept : undefined;
  }

  async #read(): Promise<Verdict | undefined> {
    try {
      return Verdict.parse(JSON.parse(await readFile(this.#deps.file, "utf8")));
    } catch {
      return undefined; // never decided, or not readable: decide again
    }
  }
}

/** Silence, or a VMM that crashed: KVM is there and runs no guest. */
function isProof(error: unknown): boolean {
  return AppError.is(error) && (error.code === "GUEST_SILENT" || CRASHES.has(error.facts.signal));
}
