/** The stub that loads the command line through the compile cache: where it puts the cache, and when it does without. */
import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { run } from "./checkout-fixture.ts";

async function makeHome(
  context: TestContext,
): Promise<{ home: string; cacheUsed: (env: NodeJS.ProcessEnv) => Promise<string> }> {
  const base = await mkdtemp(join(tmpdir(), "banger-start-"));
  context.after(() => rm(base, { recursive: true, force: true }));
  const home = join(base, "home");
  await mkdir(home, { mode: 0o755 });
  await copyFile(join(import.meta.dirname, "../../tools/launch/start.cjs"), join(base, "start.cjs"));
  await writeFile(
    join(base, "banger.cjs"),
    'process.stdout.write(String(require("node:module").getCompileCacheDir()))',
  );
  const cacheUsed = async (env: NodeJS.ProcessEnv) => {
    // What a relative directory would make shows in the working directory.
    const { status, stdout, stderr } = await run(process.execPath, [join(base, "start.cjs")], { env, cwd: home });
    assert.deepEqual([status, stderr], [0, ""]);
    return stdout;
  };
  return { home, cacheUsed };
}

test("the cache is below the user's cache directory, closed to others", async (context) => {
  const { home, cacheUsed } = await makeHome(context);
  const directory = join(home, ".cache/banger/node");
  assert.ok((await cacheUsed({ HOME: home })).startsWith(`${directory}/`));
  assert.equal((await stat(directory)).mode & 0o777, 0o700);

  const elsewhere = join(home, "elsewhere");
  assert.ok((await cacheUsed({ HOME: home, XDG_CACHE_HOME: elsewhere })).startsWith(`${elsewhere}/banger/node/`));
});

test("without a home there is no cache, and the command runs all the same", async (context) => {
  const { home, cacheUsed } = await makeHome(context);
  assert.equal(await cacheUsed({}), "undefined");
  assert.equal(await cacheUsed({ HOME: join(home, "missing") }), "undefined");
  assert.equal(await cacheUsed({ HOME: home, XDG_CACHE_HOME: "relative" }), "undefined");
  assert.deepEqual(await readdir(home), []);
});

test("a cache that others can write to, or that is a link, is not used", async (context) => {
  const { home, cacheUsed } = await makeHome(context);
  const directory = join(home, ".cache/banger/node");
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o777);
  assert.equal(await cacheUsed({ HOME: home }), "undefined");
  await rm(directory, { recursive: true });
  await symlink("/tmp", directory);
  assert.equal(await cacheUsed({ HOME: home }), "undefined");
});

test("a home that others can write to is not written to", async (context) => {
  const { home, cacheUsed } = await makeHome(context);
  await chmod(home, 0o777);
  assert.equal(await cacheUsed({ HOME: home }), "undefined");
  assert.deepEqual(await readdir(home), []);
});
