/**
 * Images and kernels that the product under test has made, kept between homes: each home gets them by hard links, so that one
 * build serves all test files. What a new build of the product would make anew is made anew, once.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "./command.ts";
import { checkout, type Home } from "./home.ts";

const cache = join(process.env.BANGER_TEST_CACHE ?? join(checkout, "build/test-cache"), "e2e");
/** what apt has fetched for them */
export const downloads = join(cache, "banger");
const BUILD_MS = 600_000;

type Kind = "images" | "kernels";

/** Puts the kernel and the named images into a home that has no daemon yet, and leaves none. */
export async function fillHome(home: Home, images: readonly string[]): Promise<void> {
  await fill(home, { kind: "kernels", name: "debian", make: ["kernel", "pull", "debian"] });
  for (const name of images) await fill(home, { kind: "images", name, make: ["image", "build", name] });
}

/** Copies an entry of a store, sharing what can be shared. */
export async function cloneTree(from: string, to: string, how: "link" | "copy"): Promise<void> {
  const copy = ["cp", "-a", "--reflink=auto", "--sparse=always", from, to];
  const linked = how === "link" && (await runs(["cp", "-al", from, to]));
  if (linked) return;
  await rm(to, { recursive: true, force: true }); // links do not cross file systems
  if (!(await runs(copy))) throw new Error(`${from} could not be copied to ${to}`);
}

async function fill(home: Home, what: { kind: Kind; name: string; make: readonly string[] }): Promise<void> {
  const store = join(home.state, what.kind);
  const kept = join(cache, what.kind, what.name);
  const stamp = join(cache, `${what.kind}-${what.name}`);
  const build = await buildOfProduct();
  const [id, by] = (await readFile(stamp, "utf8").catch(() => "")).split(" "); // nothing was made yet
  await mkdir(store, { recursive: true, mode: 0o700 });
  for (const name of await readdir(kept).catch(() => [])) await cloneTree(join(kept, name), join(store, name), "link");
  if (id !== "" && by === build) return;
  const made = (await home.ok(what.make, { env: { XDG_CACHE_HOME: cache }, deadlineMs: BUILD_MS })).trim();
  await home.stopDaemon(); // the next one is to have the home's own cache
  await keep(join(store, made), { kept, id: made });
  await writeFile(stamp, `${made} ${build}`);
}

/** The newest alone is kept; others run tests at the same time and may be quicker. */
async function keep(from: string, { kept, id }: { kept: string; id: string }): Promise<void> {
  await mkdir(kept, { recursive: true, mode: 0o700 });
  const names = await readdir(kept);
  if (!names.includes(id)) {
    const temporary = `${kept}.${process.pid}`;
    await cloneTree(from, temporary, "link");
    await rename(temporary, join(kept, id)).catch(() => rm(temporary, { recursive: true }));
  }
  for (const name of names) if (name !== id) await rm(join(kept, name), { recursive: true, force: true });
}

async function buildOfProduct(): Promise<string> {
  const hash = createHash("sha256").update(await readFile(join(checkout, "build/daemon/bangerd.cjs")));
  const recipes = join(checkout, "images");
  const files = await readdir(recipes, { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile()))
    hash.update(await readFile(join(file.parentPath, file.name)));
  return hash.digest("hex").slice(0, 16);
}

async function runs(argv: readonly string[]): Promise<boolean> {
  const { PATH } = process.env;
  return (await new Command(argv, { env: { PATH } }).ended).status === 0;
}
