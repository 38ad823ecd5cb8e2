/** Files in and out against what the port carries, and many small ones against a tar through `exec`, in turns. */
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBarePort } from "../floor/bare-port.ts";
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";

const IMAGE = "minimal";
const FILE_BYTES = 200e6;
const FILE_SHARE = 0.7;
const FILES = 20_000;
const FILES_EACH = 100;
const FILES_SHARE = 0.5;
const SMALL_RUNS = 3;
const MS = 1_000;

export const copy: Measurement = {
  name: "copy",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const directory = await mkdtemp(join(tmpdir(), "banger-copy-"));
    try {
      return [...(await largeFile(bench, directory)), ...(await smallFiles(bench, directory))];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function largeFile(bench: Bench, directory: string): Promise<readonly Row[]> {
  const { product } = bench;
  await product.prepare(IMAGE);
  await using port = await openBarePort(bench, IMAGE);
  const { id } = await product.create({ image: IMAGE });
  const [file, back] = [join(directory, "file"), join(directory, "back")];
  await writeFile(file, "");
  await truncate(file, FILE_BYTES);
  const inside = `${id}:/root/file`;
  const rate = (ms: number) => FILE_BYTES / 1e6 / (ms / MS);
  const series = { portIn: new Series(), copyIn: new Series(), portOut: new Series(), copyOut: new Series() };
  for (let done = 0; done < bench.runs; done++) {
    bench.say(`copy: large file ${done + 1} of ${bench.runs}`);
    await series.portIn.add(async () => rate(await port.move("in", FILE_BYTES)));
    await series.copyIn.add(async () => rate((await product.cli(["cp", "--quiet", file, inside])).ms));
    await series.portOut.add(async () => rate(await port.move("out", FILE_BYTES)));
    await series.copyOut.add(async () => rate((await product.cli(["cp", "--quiet", inside, back])).ms));
  }
  await product.delete(id);
  return (["in", "out"] as const).flatMap((way) => {
    const [floor, ours] = way === "in" ? [series.portIn, series.copyIn] : [series.portOut, series.copyOut];
    const text = `the bare port's x ${FILE_SHARE}`;
    return [
      {
        ...{ name: `bare port ${way}`, unit: "MB/s" as const, values: floor.values, failures: floor.failures },
        boundary: "200 MB between two C loops over one more port of the same device: first byte -> last byte",
      },
      {
        ...{ name: `cp ${way}`, unit: "MB/s" as const, values: ours.values, failures: ours.failures },
        boundary: "a file of 200 MB: spawn of the command line -> its exit",
        target: { text, limit: floor.p50 * FILE_SHARE, is: "at least", of: "p50" } as const,
      },
    ];
  });
}

async function smallFiles(bench: Bench, directory: string): Promise<readonly Row[]> {
  const { product } = bench;
  const { id } = await product.create({ image: IMAGE });
  const tree = join(directory, "tree");
  for (let file = 0; file < FILES; file++) {
    const folder = join(tree, String(Math.floor(file / FILES_EACH)));
    if (file % FILES_EACH === 0) await mkdir(folder, { recursive: true });
    await writeFile(join(folder, String(file)), `file ${file}\n`.repeat(file % FILES_EACH));
  }
  const emptied = ["exec", id, "rm", "-rf", "/root/piped", "/root/tree"];
  const cli = product.cliArgv.join(" ");
  const shell = (script: string) => product.time(["sh", "-c", script, "sh", directory]);
  const [tarIn, copyIn, tarOut, copyOut] = [new Series(), new Series(), new Series(), new Series()];
  for (let done = 0; done < Math.min(SMALL_RUNS, bench.runs); done++) {
    bench.say(`copy: small files ${done + 1} of ${Math.min(SMALL_RUNS, bench.runs)}`);
    await product.cli(emptied);
    const into = `tar -C "$1" -cf - tree | ${cli} exec -i ${id} sh -c 'mkdir /root/piped && tar -C /root/piped -xf -'`;
    await tarIn.add(async () => (await shell(into)).ms);
    await copyIn.add(async () => (await product.cli(["cp", "--quiet", tree, `${id}:/root`])).ms);
    const out = `mkdir "$1/piped" && ${cli} exec ${id} tar -C /root -cf - tree | tar -C "$1/piped" -xf -`;
    await tarOut.add(async () => (await shell(out)).ms);
    await copyOut.add(
      async () => (await product.cli(["cp", "--quiet", `${id}:/root/tree`, join(directory, "copied")])).ms,
    );
    for (const name of ["piped", "copied"]) await rm(join(directory, name), { recursive: true, force: true });
  }
  await product.delete(id);
  return [...pair("in", { tar: tarIn, ours: copyIn }), ...pair("out", { tar: tarOut, ours: copyOut })];
}

function pair(way: string, { tar, ours }: { tar: Series; ours: Series }): readonly Row[] {
  return [
    {
      ...{ name: `tar through exec ${way}`, unit: "ms", values: tar.values, failures: tar.failures },
      boundary: `${FILES} files of 0 to 1 kB: spawn of a pipeline of tar, exec and tar -> its end`,
    },
    {
      ...{ name: `cp of ${FILES} files ${way}`, unit: "ms", values: ours.values, failures: ours.failures },
      boundary: "the same files: spawn of the command line -> its exit",
      target: { text: `tar's / ${FILES_SHARE}`, limit: tar.p50 / FILES_SHARE, is: "at most", of: "p50" },
    },
  ];
}
