/**
 * The floor: the product's own QEMU command line, started by a small C program that runs the first command and knows
 * nothing else. Kernel and initramfs are the product's files; disks are made by the product's code, fresh for each run
 * and before its clock starts.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VmView } from "@banger/contract/daemon/vm";
import { imageRootFile, imageWorkSeed } from "@banger/daemon/services/image/image-service";
import { ImageManifest } from "@banger/daemon/services/image/manifest";
import { makeOverlay } from "@banger/daemon/services/storage/overlay";
import { makeWorkDisk } from "@banger/daemon/services/storage/work-disk";
import { type MachineFiles, machineFiles } from "@banger/daemon/services/vm/machine-files";
import * as z from "zod";
import type { Bench } from "../measurement.ts";
import { buildProgram } from "../native.ts";

export type Floor = AsyncDisposable & {
  /** `ms` from before QEMU is started until `true` was answered */
  run(): Promise<number>;
};

const FLOOR_MS = 320_000;
const Handles = z.object({ vmm: z.object({ pid: z.int() }) });
const Manifest = z.object({ rootMib: z.int(), diskMib: z.int() });

export async function openFloor(bench: Bench, image: string): Promise<Floor> {
  const program = await buildProgram(bench.exec, { root: bench.root, name: "floor" });
  const model = await modelOf(bench, image);
  const directory = await mkdtemp(join(tmpdir(), "banger-floor-"));
  const files = machineFiles(directory, model.id);
  const argv = model.argv.map((word) => word.replaceAll(model.directory, files.directory));
  return {
    async run() {
      try {
        await makeDisks(bench, files, model);
        const options = { deadlineMs: FLOOR_MS, signal: bench.signal };
        const { stdout } = await bench.exec.run([program, files.directory, ...argv], options);
        return Number(stdout.toString("utf8").split(" ")[0]);
      } finally {
        await rm(files.directory, { recursive: true, force: true });
      }
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

export async function makeDisks(bench: Bench, files: MachineFiles, { root, work }: Model): Promise<void> {
  await bench.exec.run(["mkdir", files.directory]);
  await makeOverlay(files.root, root);
  await makeWorkDisk(bench.exec, files.work, { ...work, signal: bench.signal });
}

export type Model = Awaited<ReturnType<typeof modelOf>>;

/** A machine of the product says what its QEMU was started with, and what its disks were made of. */
export async function modelOf(bench: Bench, image: string) {
  const { product } = bench;
  const machine = await product.create({ image });
  try {
    const directory = product.machineDirectory(machine.id);
    const { vmm } = Handles.parse(await readJson(join(directory, "handles.json")));
    const argv = (await readFile(`/proc/${vmm.pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
    return { id: machine.id, directory, argv, ...(await disksOf(bench, machine)) };
  } finally {
    await product.delete(machine.id);
  }
}

async function disksOf({ product }: Bench, machine: VmView) {
  const { rootMib, diskMib } = Manifest.parse(
    await readJson(machineFiles(join(product.places.state, "machines"), machine.id).manifest),
  );
  const dir = join(product.places.state, "images", machine.image.id);
  const image = { dir, manifest: ImageManifest.parse(await readJson(join(dir, "manifest.json"))) };
  const backing = imageRootFile(image);
  const bytes = image.manifest.files.find(({ name }) => backing.endsWith(`/${name}`))?.bytes ?? 0;
  return {
    root: { backing, sizeBytes: Math.max(rootMib * 2 ** 20, bytes) },
    work: { sizeBytes: diskMib * 2 ** 20, seed: imageWorkSeed(image), identity: machine.id },
  };
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}
