/**
 * npm run bench: measures the shipped product against the targets of docs/benchmarks.md, prints a table, and writes every
 * single run to bench/results. Exit status 1 means that something could not be measured; a missed target is an answer.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { boots } from "./measure/boots.ts";
import { completion } from "./measure/completion.ts";
import { copy } from "./measure/copy.ts";
import { create } from "./measure/create.ts";
import { debian } from "./measure/debian.ts";
import { exec } from "./measure/exec.ts";
import { flow } from "./measure/flow.ts";
import { http } from "./measure/http.ts";
import { list } from "./measure/list.ts";
import { memory } from "./measure/memory.ts";
import { run } from "./measure/run.ts";
import { version } from "./measure/version.ts";
import { type Bench, type Measurement, type Row, verdictOf } from "./measurement.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { Product } from "./product.ts";
import { readHostFacts } from "./report/host.ts";
import { quantile } from "./report/quantile.ts";
import { formatBoundaries, formatFailures, formatTable } from "./report/table.ts";

const root = join(import.meta.dirname, "..");
const measurements = [version, run, create, exec, copy, http, flow, debian, memory, list, completion];

async function main(options: BenchOptions): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`ended by ${name}`)));
  const host = createNodeExec();
  const facts = await readHostFacts(host);
  await using product = await Product.open({ root, exec: host, home: homedir(), signal: stop.signal });
  const bench: Bench = { root, product, exec: host, runs: options.runs, signal: stop.signal, say };
  const { build } = await product.status();
  const rows: Row[] = [];
  for (const measurement of chosen(options)) rows.push(...(await attempt(measurement, bench)));
  process.stdout.write(`${formatTable(rows)}\n\n${formatBoundaries(rows)}\n${formatFailures(rows)}`);
  await writeResults({ machine: facts, build, rows: rows.map(summary) }, options);
  return rows.some((row) => verdictOf(row) === "not measured") ? 1 : 0;
}

function chosen({ only, boots: times }: BenchOptions): readonly Measurement[] {
  if (only.length > 0) return measurements.filter(({ name }) => only.includes(name));
  return times === undefined ? measurements : [boots(times)];
}

/** One that fails as a whole is a row without values, and the others go on. */
async function attempt(measurement: Measurement, bench: Bench): Promise<readonly Row[]> {
  try {
    return await measurement.measure(bench);
  } catch (error) {
    bench.signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    say(`${measurement.name}: ${why}`);
    await bench.product.clear();
    return [{ name: measurement.name, boundary: "not measured", unit: "ms", values: [], failures: [why] }];
  }
}

function summary(row: Row) {
  const { values, failures, ...rest } = row;
  const [p50, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
  return { ...rest, p50, p95, n: values.length, failed: failures.length, verdict: verdictOf(row), values, failures };
}

async function writeResults(results: object, { json }: BenchOptions): Promise<void> {
  const directory = join(import.meta.dirname, "results");
  await mkdir(directory, { recursive: true });
  const at = new Date().toISOString();
  const text = `${JSON.stringify({ at, ...results }, null, 2)}\n`;
  const file = join(directory, `${at.replaceAll(":", "")}.json`);
  for (const path of [file, ...(json === undefined ? [] : [json])]) await writeFile(path, text);
  say(`every run is in ${file}`);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

try {
  process.exitCode = await main(
    parseOptions(
      process.argv.slice(2),
      measurements.map(({ name }) => name),
    ),
  );
} catch (error) {
  say(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
}
