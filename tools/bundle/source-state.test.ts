import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readSourceState } from "./source-state.ts";

function makeTree(context: TestContext): { root: string; git: (...argv: string[]) => string } {
  const root = mkdtempSync(join(tmpdir(), "banger-source-"));
  context.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, "package.json"), '{ "version": "1.2.3" }');
  const identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"];
  const git = (...argv: string[]) =>
    execFileSync("git", ["-C", root, ...identity, ...argv], {
      encoding: "utf8",
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    });
  return { root, git };
}

test("outside a git checkout the commit is unknown", async (context) => {
  const { root } = makeTree(context);
  assert.deepEqual(await readSourceState(root), { version: "1.2.3", commit: "unknown", agent: "unknown", watched: [] });
});

test("the commit is told, and whether the files differ from it", async (context) => {
  const { root, git } = makeTree(context);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message=first");
  const commit = git("rev-parse", "HEAD").slice(0, 12);
  assert.deepEqual(await readSourceState(root), {
    version: "1.2.3",
    commit,
    agent: "unknown",
    watched: [".git/logs/HEAD"],
  });
  writeFileSync(join(root, "untracked"), "");
  assert.equal((await readSourceState(root)).commit, commit);
  writeFileSync(join(root, "package.json"), '{ "version": "1.2.4" }');
  assert.equal((await readSourceState(root)).commit, `${commit}+`);
});
