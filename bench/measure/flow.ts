/** Whether memory stays what it was while a gigabyte passes: nothing that flows may be gathered. */
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Measurement, Row } from "../measurement.ts";
import { buildProgram } from "../native.ts";
import type { Product } from "../product.ts";
import { get, openServer, type Way } from "./http-server.ts";

const IMAGE = "minimal";
const BYTES = 1e9;
/** what is made once is made by then */
const SETTLED_BYTES = 1e8;
const LIMIT_MB = 32;
const FLOW_MS = 600_000;

type Peaks = { readonly client?: number; readonly daemon: number };
type Flow = { readonly name: string; readonly pass: (bytes: number) => Promise<Peaks> };

export const flow: Measurement = {
  name: "flow",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const directory = await mkdtemp(join(tmpdir(), "banger-flow-"));
    try {
      await bench.product.prepare(IMAGE);
      const { id } = await bench.product.create({ image: IMAGE });
      const rows: Row[] = [];
      await using server = await openServer(bench, id);
      for (const one of await flows(bench, { id, directory, way: server.named }))
        rows.push(...(await growth(bench, one)));
      await bench.product.delete(id);
      return rows;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

type Parts = { readonly id: string; readonly directory: string; readonly way: Way };

async function flows(bench: Bench, { id, directory, way }: Parts): Promise<readonly Flow[]> {
  const { product } = bench;
  const program = await buildProgram(bench.exec, { root: bench.root, name: "peak" });
  const [file, back, peak] = ["file", "back", "peak"].map((name) => join(directory, name));
  if (!file || !back || !peak) throw new Error("no files");
  const cli = async (...args: string[]): Promise<Peaks> => {
    const argv = [program, peak, ...product.cliArgv, ...args];
    await product.time(argv, { deadlineMs: FLOW_MS, dropOutput: true });
    return { client: Number(await readFile(peak, "utf8")), daemon: await daemonPeak(product) };
  };
  const inside = (script: string) => product.cli(["exec", id, "sh", "-c", script]);
  return [
    {
      name: "cp in",
      async pass(bytes) {
        await writeFile(file, "");
        await truncate(file, bytes);
        return await cli("cp", "--quiet", file, `${id}:/root/file`);
      },
    },
    {
      name: "cp out",
      async pass(bytes) {
        await inside(`rm -f /root/file; truncate -s ${bytes} /root/file`);
        return await cli("cp", "--quiet", `${id}:/root/file`, back);
      },
    },
    { name: "exec output", pass: (bytes) => cli("exec", id, "head", "-c", String(bytes), "/dev/zero") },
    {
      name: "http by name",
      async pass(bytes) {
        await get(way, bytes);
        return { daemon: await daemonPeak(product) };
      },
    },
  ];
}

async function growth(bench: Bench, { name, pass }: Flow): Promise<readonly Row[]> {
  bench.say(`flow: ${name}`);
  const before = await pass(SETTLED_BYTES);
  const after = await pass(BYTES);
  const row = (who: "daemon" | "client"): Row[] => {
    const [first, last] = [before[who], after[who]];
    if (first === undefined || last === undefined) return [];
    return [
      {
        ...{ name: `${name}: ${who} grows`, unit: "MB", values: [(last - first) / 1e6], failures: [] },
        boundary: "peak of resident memory after 0.1 GB -> after 1 GB more",
        target: { text: "", limit: LIMIT_MB, is: "at most", of: "max" },
      },
    ];
  };
  return [...row("daemon"), ...row("client")];
}

async function daemonPeak(product: Product): Promise<number> {
  const { pid } = await product.status();
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
