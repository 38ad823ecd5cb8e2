/** Archives of hostile machines: what lies outside of the target is never touched, and what is made is never more than files. */
import assert from "node:assert/strict";
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { inPieces, type Member, tarOf } from "../testing/tar-for-tests.ts";
import { Budget, DEFAULT_LIMITS, type Limits } from "./budget.ts";
import { namesOf } from "./entry-names.ts";
import { extract } from "./extract.ts";
import { LeftOut } from "./left-out.ts";
import { TarReader } from "./tar-reader.ts";

class Scratch implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** A target, and beside it what must stay as it is. */
  static async make(): Promise<Scratch> {
    const scratch = new Scratch(await mkdtemp(join(tmpdir(), "banger-extract-")));
    await mkdir(scratch.target);
    await mkdir(join(scratch.root, "outside"));
    await writeFile(join(scratch.root, "outside/secret"), "untouched");
    return scratch;
  }

  get target(): string {
    return join(this.root, "target");
  }

  async take(archive: Buffer, options: { limits?: Limits; pieces?: number } = {}): Promise<LeftOut> {
    return await this.takeFrom(inPieces(archive, options.pieces ?? 4096), options);
  }

  async takeFrom(bytes: AsyncIterable<Buffer>, options: { limits?: Limits; leftOut?: LeftOut } = {}): Promise<LeftOut> {
    const reader = new TarReader(bytes);
    const leftOut = options.leftOut ?? new LeftOut();
    const first = await reader.next();
    if (!first) return leftOut;
    const budget = new Budget(options.limits ?? DEFAULT_LIMITS);
    const how = { directory: this.target, place: namesOf, above: 0, budget, leftOut, signal: undefined };
    await extract(reader, first, how);
    return leftOut;
  }

  all(): string[] {
    const paths = this.found().map(({ path }) => path);
    return paths.sort((a, b) => (a < b ? -1 : 1));
  }

  /** What is there, as it was made; directories that nobody may enter are opened on the way. Names need be no text. */
  found(folder = Buffer.from(this.target)): { path: string; stats: Stats }[] {
    return readdirSync(folder, { encoding: "buffer" }).flatMap((name) => {
      const full = Buffer.concat([folder, Buffer.from("/"), name]);
      const one = { path: full.toString("latin1").slice(this.target.length + 1), stats: lstatSync(full) };
      if (!one.stats.isDirectory()) return [one];
      chmodSync(full, 0o700);
      return [one, ...this.found(full)];
    });
  }

  assertOutsideUntouched(): void {
    assert.deepEqual(readdirSync(this.root).sort(), ["outside", "target"]);
    assert.deepEqual(readdirSync(join(this.root, "outside")), ["secret"]);
    assert.equal(readFileSync(join(this.root, "outside/secret"), "utf8"), "untouched");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.found();
    await rm(this.root, { recursive: true, force: true });
  }
}

const directory = (name: string): Member => ({ name, kind: "directory", mode: 0o755 });

test("files, directories and links arrive with modes and times, whatever the pieces", async () => {
  for (const pieces of [1, 511, 100_000]) {
    await using scratch = await Scratch.make();
    const archive = tarOf([
      { ...directory("d/"), mode: 0o555, mtimeNs: 1_600_000_000_500_000_000n },
      { name: `d/${"n".repeat(150)}`, content: "long", mode: 0o640, mtimeNs: 1_500_000_000_123_456_000n },
      { name: "d/link", kind: "symlink", link: "../d/x" },
      { name: Buffer.from([0x64, 0x2f, 0xff, 0xfe]), content: "no text" },
      { name: "d/again", kind: "hardlink", link: `d/${"n".repeat(150)}` },
      { name: "empty" },
    ]);
    const left = await scratch.take(archive, { pieces });
    assert.deepEqual(left.view(), []);
    const long = statSync(join(scratch.target, "d", "n".repeat(150)), { bigint: true });
    assert.deepEqual([Number(long.mode) & 0o7777, long.nlink], [0o640, 2n]);
    // Node sets times as floating point seconds.
    assert.equal((long.mtimeNs + 500n) / 1000n, 1_500_000_000_123_456n);
    const made = statSync(join(scratch.target, "d"), { bigint: true });
    assert.deepEqual([Number(made.mode) & 0o7777, made.mtimeNs], [0o555, 1_600_000_000_500_000_000n]);
    assert.equal(readlinkSync(join(scratch.target, "d/link")), "../d/x");
    assert.equal(readFileSync(Buffer.from(`${scratch.target}/d/\xff\xfe`, "latin1"), "utf8"), "no text");
  }
});

test("names that lead up, begin at the root, or have nothing above them end the copy", async () => {
  for (const name of ["../outside/secret", "/etc/passwd", "a/../../outside/x", "..", "d/..", "x/y", "a".repeat(256)]) {
    await using scratch = await Scratch.make();
    await assert.rejects(scratch.take(tarOf([{ name, content: "evil" }])), { code: "ARCHIVE_UNSAFE" });
    assert.deepEqual(scratch.all(), []);
    scratch.assertOutsideUntouched();
  }
});

test("links that lead out are left out, and told; through links nothing is written", async () => {
  await using scratch = await Scratch.make();
  const evil = ["/etc", "../outside", "d/../../outside", "in/../..", "../../..", ""];
  const members = evil.map((link, index): Member => ({ name: `l${index}`, kind: "symlink", link }));
  const left = await scratch.take(tarOf(members));
  assert.deepEqual(left.view(), [{ what: "link that leads out", count: evil.length, first: '"l0"' }]);
  assert.deepEqual(scratch.all(), []);

  const planted = [
    directory("d"),
    { name: "l", kind: "symlink", link: "d" } as const,
    { name: "l/x", content: "evil" },
  ];
  await assert.rejects(scratch.take(tarOf(planted)), { code: "FILE_UNWRITABLE", message: /"l" is in the way/ });
  assert.deepEqual(scratch.all(), ["d", "l"]);
});

test("links that lay in the target before are not followed: replaced as files, refused as directories", async () => {
  await using scratch = await Scratch.make();
  await symlink("../outside", join(scratch.target, "way"));
  await symlink("../outside/secret", join(scratch.target, "file"));
  await assert.rejects(scratch.take(tarOf([directory("way"), { name: "way/secret", content: "evil" }])), /in the way/);
  await scratch.take(tarOf([{ name: "file", content: "new" }]));
  assert.ok(lstatSync(join(scratch.target, "file")).isFile());
  scratch.assertOutsideUntouched();
});

test("a second name of what lies outside, or of a link, is not made", async () => {
  await using scratch = await Scratch.make();
  await symlink("../outside/secret", join(scratch.target, "planted"));
  await assert.rejects(scratch.take(tarOf([{ name: "h", kind: "hardlink", link: "../outside/secret" }])), {
    code: "ARCHIVE_UNSAFE",
  });
  const left = await scratch.take(tarOf([{ name: "h", kind: "hardlink", link: "planted" }]));
  assert.equal(left.view()[0]?.count, 1);
  assert.deepEqual(scratch.all(), ["planted"]);
});

test("names that come twice: the last one counts, also as another name of the first", async () => {
  await using scratch = await Scratch.make();
  const twice = [
    { name: "a", content: "one" },
    { name: "a", content: "two" },
    { name: "a", kind: "hardlink", link: "a" } as const,
    { name: "b", kind: "symlink", link: "a" } as const,
    { name: "b", content: "three" },
  ];
  await scratch.take(tarOf(twice));
  assert.deepEqual(scratch.all(), ["a", "b"]);
  assert.equal(readFileSync(join(scratch.target, "a"), "utf8"), "two");
  await assert.rejects(scratch.take(tarOf([directory("a")])), { code: "FILE_UNWRITABLE" });
});

test("devices, pipes and set-uid bits are not made", async () => {
  await using scratch = await Scratch.make();
  const left = await scratch.take(
    tarOf([
      { name: "fifo", kind: "other" },
      { name: "su", content: "x", mode: 0o6755 },
    ]),
  );
  assert.deepEqual(scratch.all(), ["su"]);
  assert.equal(statSync(join(scratch.target, "su")).mode & 0o7777, 0o755);
  assert.deepEqual(
    left.view().map(({ what }) => what),
    ["device or pipe", "set-uid bit"],
  );
});

test("of a million entries no more than half are looked at, and what is left out is counted, not kept", async () => {
  await using scratch = await Scratch.make();
  const some = tarOf(
    Array.from({ length: 10_000 }, () => ({ name: "way", kind: "symlink", link: "/etc" })),
    { end: false },
  );
  let sent = 0;
  async function* million(): AsyncGenerator<Buffer> {
    for (; sent < 1_000_000; sent += 10_000) yield some;
  }
  const leftOut = new LeftOut();
  const taken = scratch.takeFrom(million(), { leftOut });
  await assert.rejects(taken, { code: "COPY_TOO_LARGE", message: "the machine sends more than 500000 files" });
  assert.deepEqual(leftOut.view(), [{ what: "link that leads out", count: 500_000, first: '"way"' }]);
  assert.ok(sent <= 510_000, `${sent} were taken off the machine`);
  assert.deepEqual(scratch.all(), []);
});

test("more files, or more bytes, than were allowed end the copy before they are written", async () => {
  await using scratch = await Scratch.make();
  const huge = tarOf([{ name: "huge", size: 2 ** 40 }], { end: false });
  await assert.rejects(scratch.take(huge), { code: "COPY_TOO_LARGE", message: /1 TiB/ });
  const limits = { maxEntries: 2, maxBytes: 2 ** 50 };
  await assert.rejects(scratch.take(huge, { limits }), { code: "DISK_FULL" });
  assert.deepEqual(scratch.all(), []);
  const members = [
    { name: "dir/", kind: "directory" },
    { name: "dir/in/", kind: "directory" },
  ] as const;
  const below = tarOf([...members, { name: "dir/in/huge", size: 2 ** 40 }], { end: false });
  await assert.rejects(scratch.take(below), { code: "COPY_TOO_LARGE" });
  assert.deepEqual(scratch.all(), []); // or the next copy would land within what is left of this one
  const three = tarOf([{ name: "a" }, { name: "b" }, { name: "c" }]);
  await assert.rejects(scratch.take(three, { limits }), { code: "COPY_TOO_LARGE" });
  assert.deepEqual(scratch.all(), ["a", "b"]);
});

test("an archive that ends early leaves no half file", async () => {
  const archive = tarOf([{ name: "a", content: "x".repeat(3000) }]);
  for (const bytes of [100, 512, 2000, 3511, 3512, 3584]) {
    await using scratch = await Scratch.make();
    await assert.rejects(scratch.take(archive.subarray(0, bytes)), { code: "ARCHIVE_UNSAFE" });
    assert.ok(scratch.all().length === 0 || bytes >= 512 + 3000);
  }
});

test("depth is bounded, and what is within it arrives", async () => {
  await using scratch = await Scratch.make();
  const path = (depth: number) => Array.from({ length: depth }, () => "d").join("/");
  await assert.rejects(scratch.take(tarOf([{ name: `${path(500)}/x` }])), { code: "ARCHIVE_UNSAFE" });
  await scratch.take(tarOf(Array.from({ length: 300 }, (_, index) => directory(path(index + 1)))));
  assert.equal(scratch.all().length, 300);
});

const part = fc.constantFrom("a", "b", "..", ".", "", "/", "c", "way");
const anyPath = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
const kinds = ["file", "directory", "symlink", "hardlink", "other"] as const;
const anyMember = fc.record({
  name: anyPath,
  link: anyPath,
  kind: fc.constantFrom(...kinds),
  mode: fc.nat({ max: 0o7777 }),
});

test("whatever the members are, nothing outside changes and no set-uid bit is kept", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMember, { maxLength: 8 }), async (members) => {
      await using scratch = await Scratch.make();
      await symlink("../outside", join(scratch.target, "way"));
      const archive = tarOf(members.map((member) => ({ ...member, content: member.kind === "file" ? "evil" : "" })));
      await scratch.take(archive).catch((error: unknown) => assert.ok(AppError.is(error), String(error)));
      scratch.assertOutsideUntouched();
      for (const { stats } of scratch.found()) {
        assert.equal(stats.isSymbolicLink() ? 0 : stats.mode & 0o6000, 0);
        assert.ok(stats.isFile() || stats.isDirectory() || stats.isSymbolicLink());
      }
    }),
    { numRuns: 150 },
  );
});

test("whatever the bytes are, they end in a copy or an AppError", async () => {
  const honest = tarOf([directory("d"), { name: `d/${"n".repeat(120)}`, content: "abc", mtimeNs: 5n }]);
  await using scratch = await Scratch.make();
  const changes = fc.array(fc.tuple(fc.nat({ max: honest.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(changes, async (bytes) => {
      const archive = Buffer.from(honest);
      for (const [at, value] of bytes) archive[at] = value;
      await scratch.take(archive).catch((error: unknown) => assert.ok(AppError.is(error), String(error)));
      scratch.assertOutsideUntouched();
    }),
    { numRuns: 300 },
  );
});
