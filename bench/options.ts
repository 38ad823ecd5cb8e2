/** The bench's own command line. Strict: a misspelt option would measure something else. */
import { parseArgs } from "node:util";

export type BenchOptions = {
  /** measurements by name; empty means those that run by default */
  readonly only: readonly string[];
  readonly runs: number;
  /** where the results go besides bench/results */
  readonly json: string | undefined;
  readonly boots: number | undefined;
};

const RUNS = 10;
const QUICK_RUNS = 3;

export const USAGE = `npm run bench -- [--only NAME]... [--runs N] [--json FILE] [--quick] [--boots N]`;

/** Throws an Error that says what is wrong. */
export function parseOptions(argv: readonly string[], names: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string", multiple: true, default: [] },
      runs: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
      boots: { type: "string" },
    },
  });
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no measurement ${unknown}: ${names.join(", ")}`);
  return {
    only: values.only,
    runs: values.runs === undefined ? (values.quick ? QUICK_RUNS : RUNS) : count("--runs", values.runs),
    json: values.json,
    boots: values.boots === undefined ? undefined : count("--boots", values.boots),
  };
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (/^[1-9]\d{0,5}$/.test(text)) return value;
  throw new Error(`${name} takes a number from 1 on, not ${JSON.stringify(text)}`);
}
