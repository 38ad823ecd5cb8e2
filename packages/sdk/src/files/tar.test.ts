/** Our archives against GNU tar, both ways. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { appendFile, chmod, lutimes, mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { inPieces } from "../testing/tar-for-tests.ts";
import { Budget, NO_LIMITS } from "./budget.ts";
import { namesOf } from "./entry-names.ts";
import { extract } from "./extract.ts";
import { LeftOut } from "./left-out.ts";
import { CHANGED, pack } from "./pack.ts";
import { TarReader } from "./tar-reader.ts";

async function withTree(work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "banger-tar-"));
  try {
    await mkdir(join(root, "from/deep", "x".repeat(120)), { recursive: true });
    await mkdir(join(root, "to"));
    await writeFile(join(root, "from/text"), "hello");
    await writeFile(join(root, "from/deep", "x".repeat(120), "block"), Buffer.alloc(512, 7));
    await writeFile(join(root, "from/large"), Buffer.alloc(1_000_001, "abc"));
    await writeFile(Buffer.from(`${root}/from/\xe4\xff`, "latin1"), "latin");
    await symlink("deep/nothing", join(root, "from/link"));
    await chmod(join(root, "from/text"), 0o751);
    await utimes(join(root, "from/text"), -5.25, -5.25);
    await lutimes(join(root, "from/link"), 1_400_000_000, 1_400_000_000);
    // Node sets times as floating point seconds: only such as these come through to the last digit.
    const others = ["large", "\xe4\xff", `deep/${"x".repeat(120)}/block`, `deep/${"x".repeat(120)}`, "deep"];
    for (const name of others)
      await utimes(Buffer.from(`${root}/from/${name}`, "latin1"), 1_500_000_000.5, 1_500_000_000.5);
    await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

type Seen = { readonly path: string; readonly mode: number; readonly mtime: bigint; readonly content: string };

function seen(root: string): Seen[] {
  const found: Seen[] = [];
  const walk = (folder: Buffer) => {
    for (const name of readdirSync(folder, { encoding: "buffer" }).sort(Buffer.compare)) {
      const path = Buffer.concat([folder, Buffer.from("/"), name]);
      const stats = lstatSync(path, { bigint: true });
      const content = stats.isFile()
        ? createHash("sha256").update(readFileSync(path)).digest("hex")
        : stats.isSymbolicLink()
          ? readlinkSync(path)
          : "";
      const shown = path.toString("latin1").slice(root.length);
      const mtime = stats.mtimeNs / 1000n;
      found.push({ path: shown, mode: Number(stats.mode), mtime, content });
      if (stats.isDirectory()) walk(path);
    }
  };
  walk(Buffer.from(root));
  return found;
}

const source = (root: string) => [
  { path: Buffer.from(join(root, "from")), name: Buffer.alloc(0), deep: true, follow: true },
];

test("what we pack, GNU tar unpacks: names that are no text, modes, times, links", async () => {
  await withTree(async (root) => {
    const archive = await buffer(pack(source(root), { leftOut: new LeftOut() }));
    execFileSync("tar", ["-xpf", "-", "-C", join(root, "to")], { input: archive });
    assert.deepEqual(seen(join(root, "to")), seen(join(root, "from")));
  });
});

test("what GNU tar packs, we unpack", async () => {
  for (const format of ["pax", "gnu"]) {
    await withTree(async (root) => {
      const argv = ["-cf", "-", `--format=${format}`, "--exclude=text", "-C", join(root, "from"), "."];
      const archive = execFileSync("tar", argv, { maxBuffer: 1 << 24 });
      await rm(join(root, "from/text")); // the older format has no times before 1970
      const reader = new TarReader(inPieces(archive, 10_000));
      const first = await reader.next();
      assert.ok(first);
      const options = { place: namesOf, above: 0, budget: new Budget(NO_LIMITS), leftOut: new LeftOut() };
      await extract(reader, first, { ...options, directory: join(root, "to"), signal: undefined });
      const whole = (all: Seen[]) =>
        all.map((one) => ({ ...one, mtime: one.mtime / (format === "gnu" ? 1_000_000n : 1n) }));
      assert.deepEqual(whole(seen(join(root, "to"))), whole(seen(join(root, "from"))));
    });
  }
});

test("a file that grows or shrinks while it is copied keeps the announced size, and is told", async () => {
  for (const change of [(path: string) => appendFile(path, "more"), (path: string) => truncate(path, 300_000)]) {
    await withTree(async (root) => {
      const path = join(root, "from/large");
      const leftOut = new LeftOut();
      const chunks: Buffer[] = [];
      const large = { path: Buffer.from(path), name: Buffer.from("large"), deep: false, follow: false };
      for await (const chunk of pack([large], { leftOut })) {
        if (chunks.length === 0) await change(path);
        chunks.push(chunk);
      }
      execFileSync("tar", ["-xf", "-", "-C", join(root, "to")], { input: Buffer.concat(chunks) });
      assert.equal(lstatSync(join(root, "to/large")).size, 1_000_001);
      assert.deepEqual(leftOut.view(), [{ what: CHANGED, count: 1, first: '"large"' }]);
    });
  }
});

test("what can not be read is an error with its path, what is no file is left out", async () => {
  await withTree(async (root) => {
    const gone = { path: Buffer.from(join(root, "gone")), name: Buffer.from("gone"), deep: true, follow: false };
    const went = new LeftOut();
    await buffer(pack([gone], { leftOut: went }));
    assert.equal(went.view()[0]?.first, '"gone"');
    const missing = { path: Buffer.from(join(root, "nothing")), name: Buffer.from("n"), deep: true, follow: true };
    await assert.rejects(buffer(pack([missing], { leftOut: new LeftOut() })), {
      code: "FILE_UNREADABLE",
      message: /nothing can not be read \(ENOENT\)/,
    });
    execFileSync("/usr/bin/mkfifo", [join(root, "from/pipe")]);
    const leftOut = new LeftOut();
    await buffer(pack(source(root), { leftOut }));
    assert.deepEqual(leftOut.view(), [{ what: "device, pipe or socket", count: 1, first: '"pipe"' }]);
  });
});
