/** What a measurement is: rows of numbers with their boundary, each with the limit that it has to keep, if it has one. */
import type { Exec } from "@banger/platform/exec/run";
import type { Product } from "./product.ts";
import { quantile } from "./report/quantile.ts";

export type Row = {
  readonly name: string;
  /** from what to what */
  readonly boundary: string;
  readonly unit: "ms" | "MB" | "MB/s" | "boots";
  /** every run, in order */
  readonly values: readonly number[];
  /** why runs gave no value */
  readonly failures: readonly string[];
  readonly target?: Target;
};

export type Target = {
  /** as a reader understands it */
  readonly text: string;
  readonly limit: number;
  readonly is: "at most" | "at least";
  readonly of: "p50" | "max";
};

export type Bench = {
  readonly root: string;
  readonly product: Product;
  readonly exec: Exec;
  readonly runs: number;
  readonly signal: AbortSignal;
  /** tells who waits what is done now */
  readonly say: (text: string) => void;
};

export type Measurement = {
  readonly name: string;
  readonly measure: (bench: Bench) => Promise<readonly Row[]>;
};

export type Verdict = "met" | "missed" | "not measured" | "";

export function verdictOf({ values, failures, target }: Row): Verdict {
  if (values.length === 0) return "not measured";
  if (!target) return "";
  const value = quantile(values, target.of === "p50" ? 0.5 : 1);
  const kept = target.is === "at most" ? value <= target.limit : value >= target.limit;
  return kept && (target.of === "p50" || failures.length === 0) ? "met" : "missed";
}

/** Gathers the values of a row; a run that fails is remembered with its reason, and the next one goes on. */
export class Series {
  readonly values: number[] = [];
  readonly failures: string[] = [];

  async add(run: () => Promise<number>): Promise<void> {
    try {
      this.values.push(await run());
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error));
    }
  }

  get p50(): number {
    return quantile(this.values, 0.5);
  }
}
