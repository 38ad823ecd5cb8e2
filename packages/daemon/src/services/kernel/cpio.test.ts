import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import fc from "fast-check";
import { type CpioEntry, cpioArchive } from "./cpio.ts";

const exec = createNodeExec();

type Member = { name: string; mode: number; links: number; content: Buffer; device: [number, number] };

/** Reads the format as its manual page has it. */
function readArchive(archive: Buffer): Member[] {
  const members: Member[] = [];
  for (let next = 0; ; ) {
    const at = next;
    assert.equal(archive.toString("latin1", at, at + 6), "070701");
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const name = archive.toString("utf8", at + 110, at + 110 + field(11) - 1);
    assert.equal(archive[at + 110 + field(11) - 1], 0);
    const dataAt = (at + 110 + field(11) + 3) & ~3;
    const content = archive.subarray(dataAt, dataAt + field(6));
    next = (dataAt + field(6) + 3) & ~3;
    if (name === "TRAILER!!!") {
      assert.equal(next, archive.length);
      return members;
    }
    members.push({ name, mode: field(1), links: field(4), content, device: [field(9), field(10)] });
  }
}

const ENTRIES: readonly CpioEntry[] = [
  { kind: "dir", path: "dev" },
  { kind: "char", path: "dev/console", major: 5, minor: 1 },
  { kind: "file", path: "init", mode: 0o755, content: Buffer.from("#!") },
  { kind: "file", path: "a-longer-name/é", content: Buffer.alloc(5, 1) },
];

test("members come back with mode, content and device", () => {
  const [dev, console, init] = readArchive(cpioArchive(ENTRIES));
  assert.deepEqual([dev?.name, dev?.mode, dev?.links], ["dev", 0o040755, 2]);
  assert.deepEqual([console?.mode, console?.device], [0o020600, [5, 1]]);
  assert.deepEqual([init?.mode, init?.content.toString()], [0o100755, "#!"]);
});

test("names and contents of any length keep the archive aligned", () => {
  const files = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,30}$/), fc.uint8Array({ maxLength: 30 })), {
    maxLength: 10,
  });
  fc.assert(
    fc.property(files, (list) => {
      const archive = cpioArchive(list.map(([path, content]) => ({ kind: "file", path, content })));
      const read = readArchive(archive);
      assert.deepEqual(
        read.map(({ name }) => name),
        list.map(([path]) => path),
      );
      for (const [index, [, content]] of list.entries()) assert.ok(read[index]?.content.equals(content));
    }),
  );
});

test("the system's cpio agrees, where there is one", async (t) => {
  const archive = cpioArchive(ENTRIES.filter(({ kind }) => kind !== "char"));
  try {
    const listed = await exec.run(["cpio", "-t", "--quiet"], { input: archive });
    assert.equal(listed.stdout.toString(), "dev\ninit\na-longer-name/é\n");
  } catch (error) {
    if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
    t.diagnostic("cpio is not installed; the reader above is the only oracle");
  }
});
