import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const COMMITTED = "2026-01-01T00:00:00Z";

/** A checkout that holds two source files of a program. */
function makeTree(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "banger it's stamped-"));
  context.after(() => rmSync(root, { recursive: true }));
  const script = join(root, "tools/setup/stamp.sh");
  mkdirSync(join(root, "tools/setup"), { recursive: true });
  cpSync(join(import.meta.dirname, "stamp.sh"), script);
  mkdirSync(join(root, "part/src/verbs"), { recursive: true });
  for (const name of ["Makefile", "src/main.c", "src/verbs/stat.h"]) writeFileSync(join(root, "part", name), name);
  writeFileSync(join(root, "package.json"), '{\n  "name": "tree",\n  "version": "1.2.3",\n  "private": true\n}\n');
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const git = (...argv: string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", ...argv], {
      encoding: "utf8",
      env: { ...env, GIT_COMMITTER_DATE: COMMITTED },
    });
  const header = join(root, "build/stamp.h");
  const stamp = (more: Record<string, string> = {}) => {
    const argv = [script, "../build/stamp.h", "PART_BUILD", "Makefile", "src"];
    execFileSync("sh", argv, { cwd: join(root, "part"), env: { ...env, ...more } });
    const [, text = ""] = /^#define PART_BUILD "(.*)"\n$/.exec(readFileSync(header, "utf8")) ?? [];
    return text;
  };
  return { root, header, git, stamp };
}

test("outside a git checkout a program tells version and sources", (context) => {
  const { stamp } = makeTree(context);
  assert.match(stamp(), /^1\.2\.3\+[0-9a-f]{12} \(unknown, built unknown\)$/);
});

test("a commit that does not touch a program makes no other one; a change of its files does", (context) => {
  const { root, header, git, stamp } = makeTree(context);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message=first");
  const commit = git("rev-parse", "HEAD").slice(0, 12);
  const first = stamp();
  const written = statSync(header, { bigint: true }).mtimeNs;
  const { 1: sources = "" } = /^1\.2\.3\+([0-9a-f]{12}) /.exec(first) ?? [];
  assert.equal(first, `1.2.3+${sources} (${commit}, built ${COMMITTED})`);
  writeFileSync(join(root, "README.md"), "text");
  git("add", ".");
  git("commit", "--quiet", "--message=second");
  assert.equal(stamp(), first);
  assert.equal(statSync(header, { bigint: true }).mtimeNs, written);
  assert.match(stamp({ SOURCE_DATE_EPOCH: "86400" }), /built 1970-01-02T00:00:00Z\)$/);
  appendFileSync(join(root, "part/src/verbs/stat.h"), "more");
  const modified = stamp();
  assert.match(modified, new RegExp(`^1\\.2\\.3\\+[0-9a-f]{12} \\(${commit}\\+, `));
  assert.ok(!modified.includes(sources));
});
