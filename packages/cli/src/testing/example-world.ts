/**
 * A world in which the examples of the commands make sense: the machines, images and operations that they name are there, and
 * so are their files. A path that begins at the current directory is given whole: that of the tests stays where it is.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { OperationId } from "@banger/contract/ids";
import { sampleImage } from "@banger/sdk/testing/sample-views";
import type { Example } from "../program/command.ts";
import { Interrupts } from "../terminal/interrupts.ts";
import { type Ran, World } from "./world.ts";

const machines = ["web", "db"] as const;
const EMPTY_TAR = "\0".repeat(1024);
const published = { address: "127.0.0.1", host: 8080, guest: 80 };
/** the words of a line: quoted ones stay together */
const WORD = /'([^']*)'|"([^"]*)"|(\S+)/g;

const RELATIVE = /^\.{1,2}(?:\/|$)/;

/** The example's arguments, without `banger`; those of the last program of a pipe, without where its output goes. */
export function exampleArguments(line: string): readonly string[] {
  const last = line.split(" | ").at(-1) ?? "";
  const named = last.replace(/ > \S+$/, "").replace("$(banger list -q)", machines.join(" "));
  return [...named.matchAll(WORD)].map(([, single, double, plain]) => single ?? double ?? plain ?? "").slice(1);
}

/** `late`: a remark came after the answer had begun */
export type RanExample = Ran & { readonly late: boolean };

/** Runs an example in a fresh world, perhaps with one more option of banger's own. One that would not end gets a SIGINT. */
export async function runExample({ line, endless }: Example, extra: readonly string[] = []): Promise<RanExample> {
  await using world = await World.make();
  const words = exampleArguments(line).map((word) =>
    RELATIVE.test(word) ? resolve(world.home, "project", word) : word,
  );
  const at = words.indexOf("--");
  const own = at === -1 ? words.length : at;
  await furnish(world, words);
  const interrupts = new Interrupts(() => undefined);
  let answered = false;
  let late = false;
  const ran = await world.run([...words.slice(0, own), ...extra, ...words.slice(own)], {
    interrupts,
    ...(line.includes(" | ") && { stdin: EMPTY_TAR }),
    ...(words.includes("-it") && { terminal: { columns: 80 } }),
    onStdout() {
      answered = true;
      if (endless && !interrupts.signal.aborted) interrupts.receive("SIGINT");
    },
    onStderr() {
      late ||= answered;
    },
  });
  return { ...ran, late };
}

async function furnish(world: World, words: readonly string[]): Promise<void> {
  const { daemon, home } = world;
  const made = words[words.indexOf("--name") + 1];
  daemon.commandEnd = { status: 0 };
  for (const name of machines) {
    if (words.includes("--name") && name === made) continue;
    const { id } = daemon.addMachine(name);
    daemon.ports.published.set(id, [published]);
  }
  daemon.ports.views = [
    {
      port: 3000,
      address: "127.0.0.1",
      process: "node",
      pid: 7,
      protocol: "http",
      url: "http://3000.web.localhost:7080",
    },
  ];
  daemon.images.push({ ...sampleImage, name: "debian-bookworm" });
  daemon.operations.begin("image.build", "minimal", async () => "image", OperationId.parse("4k2jabcdefgh"));
  await daemon.operations.settled();
  for (const directory of ["project/dir", "some-repo"]) await writeIn(join(home, directory));
  for (const directory of ["etc", "srv", "var/log", "root"]) await writeIn(join(daemon.files.root, directory));
}

async function writeIn(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "os-release"), "NAME=Debian\n");
}
