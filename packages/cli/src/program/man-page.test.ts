/** The manual pages: no word of warning from groff, and all that the data has. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { catalog } from "./catalog.ts";
import { exitStatuses } from "./exit-statuses.ts";
import { shortestName } from "./find-command.ts";
import { manPages } from "./man-page.ts";

const run = promisify(execFile);

async function hasGroff(context: TestContext): Promise<boolean> {
  const there = await access("/usr/bin/groff").then(
    () => true,
    () => false,
  );
  assert.ok(there || process.env.REQUIRE_VM !== "1", "groff is not installed");
  if (!there) context.skip("groff is not installed");
  return there;
}

test("there is a page of the program and one of each command, with all of its options and examples", async () => {
  const pages = await manPages({ version: "1.2.3" });
  assert.equal(pages.size, catalog.length + 1);
  for (const entry of catalog) {
    const { command } = await entry.load();
    const page = pages.get(`banger-${shortestName(entry).replaceAll(" ", "-")}.1`) ?? "";
    assert.ok(page.includes(`\\- ${entry.summary}`), entry.summary);
    for (const name of Object.keys(command.options))
      assert.ok(page.includes(`\\-\\-${name.replaceAll("-", "\\-")}`), name);
    for (const { help } of command.examples)
      assert.ok(page.includes(help.replaceAll("`", "").split("'")[0] ?? ""), help);
  }
});

test("groff has nothing to complain about, and what is typed can be copied", async (context) => {
  if (!(await hasGroff(context))) return;
  const directory = await mkdtemp(join(tmpdir(), "banger-man-"));
  try {
    const pages = await manPages({ version: "1.2.3" });
    for (const [name, text] of pages) await writeFile(join(directory, name), text);
    const all = [...pages.keys()].map((name) => join(directory, name));
    assert.deepEqual(await run("/usr/bin/groff", ["-ww", "-man", "-z", "-Tascii", ...all]), { stdout: "", stderr: "" });
    const { stdout } = await run("/usr/bin/groff", ["-man", "-Tascii", "-P-cbou", join(directory, "banger-exec.1")]);
    assert.match(stdout, /^SYNOPSIS\n {7}banger exec \[OPTIONS\] MACHINE CMD\.\.\.\n {7}banger vm exec$/m);
    assert.match(stdout, /^ {7}-w, --workdir DIR\n {14}run it in this directory$/m);
    assert.match(stdout, /^ {7}tar c \. \| banger exec -i web tar x -C \/srv\n {14}with input from here$/m);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("docs/cli.md has the same exit statuses", async () => {
  const docs = await readFile(join(import.meta.dirname, "../../../../docs/cli.md"), "utf8");
  for (const [status, means] of exitStatuses) assert.ok(docs.includes(`| ${status} | ${means} |`), status);
});
