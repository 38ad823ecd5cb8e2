import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readySh } from "./ready.ts";

test("the fragment names the first input that is newer than the build, without a fork", (context) => {
  const root = mkdtempSync(join(tmpdir(), "banger it's ready-"));
  context.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "build"));
  const inputs = ["b.ts", "a file's name.ts", "gone.ts"];
  for (const input of inputs.slice(0, 2)) writeFileSync(join(root, input), "");
  const ready = join(root, "build/ready.sh");
  writeFileSync(ready, readySh(inputs));
  const touch = (path: string, second: number) => utimesSync(path, second, second);
  const stale = () =>
    execFileSync("/bin/sh", ["-c", 'root=$1; . "$root/build/ready.sh"; echo "[$stale]"', "sh", root], {
      env: { PATH: "/nonexistent" },
      encoding: "utf8",
    });

  for (const input of inputs.slice(0, 2)) touch(join(root, input), 1000);
  touch(ready, 1000);
  assert.equal(stale(), "[]\n");
  touch(join(root, "b.ts"), 1001);
  assert.equal(stale(), "[b.ts]\n");
  touch(join(root, "a file's name.ts"), 1001);
  assert.equal(stale(), "[a file's name.ts]\n");
});
