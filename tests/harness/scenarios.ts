/** A file of end-to-end tests: one home for all of them, and a reason printed where machines cannot run. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, type TestContext, test } from "node:test";
import { fillHome } from "./content-cache.ts";
import { checkout, Home } from "./home.ts";

export type Scenario = (name: string, run: (t: TestContext) => Promise<void>) => void;

/** A home with Debian's kernel and these images, closed and searched for leftovers when the file has ended. */
export async function openHome(options: { images: readonly string[] }): Promise<{ home: Home; scenario: Scenario }> {
  const home = await Home.make();
  after(() => home.close());
  const missing = await whatIsMissing();
  if (missing !== undefined && process.env.REQUIRE_VM === "1") throw new Error(missing);
  if (missing === undefined) {
    await fillHome(home, options.images);
    await home.daemon(); // so that what a test compares begins with one
  }
  afterEach(async (t) => {
    if ("passed" in t && !t.passed) t.diagnostic(await home.lastWords());
  });
  const skip = missing ?? false;
  return { home, scenario: (name, run) => void test(name, { skip }, run) };
}

async function whatIsMissing(): Promise<string | undefined> {
  const lines = (await readFile(join(checkout, "tools/setup/packages"), "utf8")).split("\n");
  const wanted = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" "));
  const lacking: string[] = [];
  for (const [name = "", witness = ""] of wanted) if (!(await isThere(witness))) lacking.push(name);
  return lacking.length === 0
    ? undefined
    : `real machines need Debian packages that are not there: ${lacking.join(", ")}`;
}

async function isThere(witness: string): Promise<boolean> {
  const folders = witness.startsWith("/") ? [""] : ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
  const looks = folders.map((folder) =>
    access(join(folder, witness)).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(looks)).includes(true);
}
