/** Every prerequisite and every promise, checked now; a check that throws is a row that says so. */
import type { DoctorRow } from "@banger/contract/daemon/system";
import { AppError, describeChain } from "@banger/contract/errors";

export type Waiting = { readonly signal: AbortSignal };
export type Check = { readonly name: string; readonly run: (waiting: Waiting) => Promise<readonly DoctorRow[]> };

export class DoctorService {
  readonly #checks: readonly Check[];

  constructor(checks: readonly Check[]) {
    this.#checks = checks;
  }

  /** Rows in the order of the checks. */
  async run(waiting: Waiting): Promise<readonly DoctorRow[]> {
    const rows = await Promise.all(this.#checks.map((check) => runOne(check, waiting)));
    return rows.flat();
  }
}

async function runOne(check: Check, waiting: Waiting): Promise<readonly DoctorRow[]> {
  try {
    return await check.run(waiting);
  } catch (error) {
    waiting.signal.throwIfAborted();
    return [failedRow(check.name, error)];
  }
}

function failedRow(check: string, error: unknown): DoctorRow {
  if (!AppError.is(error) || error.code === "INTERNAL") return { check, status: "fail", detail: describeChain(error) };
  return { check, status: "fail", detail: error.message, fix: error.hint };
}
