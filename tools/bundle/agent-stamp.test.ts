import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const COMMITTED = "2026-01-01T00:00:00Z";
const agent = join(import.meta.dirname, "../../guest/agent");

/** A checkout that holds two source files of an agent. */
function makeTree(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "banger it's stamped-"));
  context.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "guest/agent/src/verbs"), { recursive: true });
  for (const name of ["Makefile", "stamp.sh"]) cpSync(join(agent, name), join(root, "guest/agent", name));
  for (const name of ["main.c", "verbs/stat.h"]) writeFileSync(join(root, "guest/agent/src", name), name);
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const git = (...argv: string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", ...argv], {
      encoding: "utf8",
      env: { ...env, GIT_COMMITTER_DATE: COMMITTED },
    });
  const stamp = (more: Record<string, string> = {}) =>
    execFileSync("sh", [join(root, "guest/agent/stamp.sh"), "1.2.3"], { encoding: "utf8", env: { ...env, ...more } });
  return { root, git, stamp };
}

test("outside a git checkout the agent tells version and sources", (context) => {
  const { stamp } = makeTree(context);
  assert.match(stamp(), /^1\.2\.3\+[0-9a-f]{12} \(unknown, built unknown\)\n$/);
});

test("a commit that does not touch the agent makes no other one; a change of its files does", (context) => {
  const { root, git, stamp } = makeTree(context);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message=first");
  const commit = git("rev-parse", "HEAD").slice(0, 12);
  const first = stamp();
  const { 1: sources = "" } = /^1\.2\.3\+([0-9a-f]{12}) /.exec(first) ?? [];
  assert.equal(first, `1.2.3+${sources} (${commit}, built ${COMMITTED})\n`);
  writeFileSync(join(root, "README.md"), "text");
  git("add", ".");
  git("commit", "--quiet", "--message=second");
  assert.equal(stamp(), first);
  assert.match(stamp({ SOURCE_DATE_EPOCH: "86400" }), /built 1970-01-02T00:00:00Z\)\n$/);
  appendFileSync(join(root, "guest/agent/src/verbs/stat.h"), "more");
  const modified = stamp();
  assert.match(modified, new RegExp(`^1\\.2\\.3\\+[0-9a-f]{12} \\(${commit}\\+, `));
  assert.ok(!modified.includes(sources));
});
