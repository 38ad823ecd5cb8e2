/** Files in and out, against a machine whose files are a directory and whose tar is GNU's. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { chmod, mkdir, open, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { tarOf } from "@banger/sdk/testing/tar-for-tests";
import { parsePlace } from "../../arguments/parse-place.ts";
import { Interrupts } from "../../terminal/interrupts.ts";
import { outcome, World } from "../../testing/world.ts";

type Copying = { readonly world: World; readonly guest: string; readonly host: string };

async function withFiles(work: (copying: Copying) => Promise<void>): Promise<void> {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const guest = world.daemon.files.root;
  const host = join(world.home, "files");
  await mkdir(join(guest, "srv/dir/sub"), { recursive: true });
  await mkdir(join(guest, "root"));
  await mkdir(host);
  await writeFile(join(guest, "srv/file"), "content\n");
  await writeFile(join(guest, "srv/dir/sub/x"), "x");
  await work({ world, guest, host });
}

async function good(world: World, ...argv: string[]): Promise<void> {
  const ran = await world.run(["cp", "-q", ...argv]);
  assert.deepEqual(ran, { status: 0, stdout: "", stderr: "" }, argv.join(" "));
}

test("places: a colon makes a machine, a slash before it does not", () => {
  assert.deepEqual(parsePlace("web:/etc/x"), { kind: "machine", ref: "web", path: "/etc/x" });
  assert.deepEqual(parsePlace("web:a:b"), { kind: "machine", ref: "web", path: "a:b" });
  assert.deepEqual(parsePlace("./a:b"), { kind: "host", path: "./a:b" });
  assert.deepEqual(parsePlace("-"), { kind: "stream" });
  for (const bad of [":/etc", ""]) assert.throws(() => parsePlace(bad), { code: "USAGE" });
});

test("into a machine: into a directory, under a new name, contents alone, several at once", async () => {
  await withFiles(async ({ world, guest, host }) => {
    await mkdir(join(host, "d/e"), { recursive: true });
    await writeFile(join(host, "d/e/f"), "deep");
    await writeFile(join(host, "one"), "1");
    await chmod(join(host, "one"), 0o750);
    await utimes(join(host, "one"), 1_500_000_000, 1_500_000_000);
    await good(world, join(host, "d"), "web:/srv/");
    await good(world, join(host, "d"), "web:/srv/new");
    await good(world, `${join(host, "d")}/.`, "web:/srv/dir");
    await good(world, join(host, "one"), "web:renamed");
    await good(world, join(host, "one"), join(host, "d/e/f"), "web:~/");
    for (const path of ["srv/d/e/f", "srv/new/e/f", "srv/dir/e/f", "root/f"]) {
      assert.equal(readFileSync(join(guest, path), "utf8"), "deep");
    }
    const { mode, mtimeMs } = statSync(join(guest, "root/renamed"));
    assert.deepEqual([mode & 0o777, mtimeMs], [0o750, 1_500_000_000_000]);
    assert.equal(readFileSync(join(guest, "root/one"), "utf8"), "1");
  });
});

test("out of a machine: into a directory, under a new name, contents alone, several at once", async () => {
  await withFiles(async ({ world, host }) => {
    await good(world, "web:/srv/dir", host);
    await good(world, "web:/srv/dir/", join(host, "new"));
    await good(world, "web:/srv/dir/.", join(host, "contents"));
    await good(world, "web:/srv/file", join(host, "renamed"));
    await good(world, "web:/srv/file", "web:/srv/dir/sub", host);
    const found = readdirSync(host, { recursive: true }).map(String).sort();
    const trees = ["contents", "dir", "new"].flatMap((name) => [name, `${name}/sub`, `${name}/sub/x`]);
    assert.deepEqual(found, [...trees, "file", "renamed", "sub", "sub/x"].sort());
    assert.equal(readFileSync(join(host, "renamed"), "utf8"), "content\n");
  });
});

test("streams: a file's content out, anything in, a directory as a tar both ways", async () => {
  await withFiles(async ({ world, guest }) => {
    assert.equal((await world.run(["cp", "web:/srv/file", "-"])).stdout, "content\n");
    await world.run(["cp", "-", "web:typed"], { stdin: "from here" });
    assert.equal(readFileSync(join(guest, "root/typed"), "utf8"), "from here");
    const tar = (await world.run(["cp", "web:/srv/dir", "-"])).stdout;
    assert.match(execFileSync("tar", ["-tf", "-"], { input: tar, encoding: "utf8" }), /sub\/x\n/);
    await world.run(["cp", "-q", "-", "web:/root"], { stdin: tar });
    assert.equal(readFileSync(join(guest, "root/sub/x"), "utf8"), "x");
  });
});

test("what can not be: one line each, and nothing is made", async () => {
  await withFiles(async ({ world, guest, host }) => {
    await writeFile(join(host, "one"), "1");
    const one = join(host, "one");
    for (const [argv, status, message] of [
      [["web:/srv/nothing", host], 4, /srv\/nothing can not be read/],
      [["web:/srv/dir", one], 3, /one is not a directory/],
      [["web:/srv/file", join(host, "no/")], 3, /there is no directory .*\/no\//],
      [["web:/srv/file", join(host, "no/where")], 3, /can not be written \(ENOENT\)/],
      [[join(host, "none"), "web:/srv"], 3, /none can not be read \(ENOENT\)/],
      [["/dev/null", "web:/srv"], 3, /\/dev\/null is a device, a pipe or a socket/],
      [[host, "web:/srv/file"], 4, /web:\/srv\/file is not a directory/],
      [[one, "web:/none/"], 4, /web:\/none is not a directory/],
      [[one, one, "web:/none"], 4, /web:\/none is not a directory/],
      [["nobody:/x", host], 4, /nobody/],
      [[one, host], 2, /MACHINE:PATH/],
      [["web:/srv/file", one, "web:/srv/dir"], 2, /one of these at once/],
      [["web:/srv/dir", "web:/srv/dir/sub"], 2, /web:\/srv\/dir can not be copied into itself/],
      [["web:/srv/dir", "web:/srv/file"], 4, /web:\/srv\/file is not a directory/],
      [["web:/srv/dir", "web:/srv/file", "web:/srv/none"], 4, /web:\/srv\/none is not a directory/],
      [["web:/srv/file", "nobody:/x"], 4, /nobody/],
      [["web:/srv/file"], 2, /where to/],
    ] as const) {
      const ran = await world.run(["cp", ...argv]);
      assert.deepEqual([ran.status, ran.stdout], [status, ""], `${argv.join(" ")}: ${ran.stderr}`);
      assert.match(ran.stderr, message);
      assert.match(ran.stderr, /^banger: [^\n]+\nhint: [^\n]+\n$/);
    }
    assert.deepEqual(readdirSync(host), ["one"]);
    assert.deepEqual(readdirSync(join(guest, "srv")).sort(), ["dir", "file"]);
  });
});

test("a hostile machine: nothing that was not asked for, no more than allowed, and no escapes on the terminal", async () => {
  await withFiles(async ({ world, host }) => {
    const { files } = world.daemon;
    const evil = "\x1b]0;evil\x07";
    files.archive = tarOf([{ name: "other", content: "x" }]);
    assert.match((await world.run(["cp", "web:/srv/file", host])).stderr, /"other", which was not asked for/);
    files.archive = tarOf([
      { name: "dir/", kind: "directory", mode: 0o755 },
      { name: `dir/../${evil}`, content: "x" },
    ]);
    const { stderr } = await world.run(["cp", "web:/srv/dir", host]);
    assert.match(stderr, /dir\/\.\.\/\\\\x1b\]0;evil\\\\x07", which leads up/);
    files.archive = tarOf([{ name: "file", size: 2 ** 40 }], { end: false });
    const huge = await world.run(["cp", "web:/srv/file", host]);
    assert.match(huge.stderr, /the machine sends 1 TiB or more, and 16 GiB are allowed\nhint: .*--max-size/);
    files.archive = tarOf([{ name: "file", size: 2 ** 21 }], { end: false });
    assert.match((await world.run(["cp", "--max-size", "1M", "web:/srv/file", host])).stderr, /1 MiB are allowed/);
    files.archive = tarOf([
      { name: "dir/", kind: "directory", mode: 0o755 },
      { name: "dir/way", kind: "symlink", link: "/etc" },
      { name: "dir/su", content: "x", mode: 0o4755 },
    ]);
    const left = await world.run(["cp", "web:/srv/dir", join(host, "d2")]);
    assert.match(left.stderr, /^banger: copied 1 file, 1 B in /);
    assert.equal(
      left.stderr.replace(/^banger: copied.*\n/, ""),
      'banger: left out: link that leads out: "dir/way"\nbanger: dropped: set-uid bit: "dir/su"\n',
    );
    assert.ok(!existsSync(join(host, "d2/way")));
    files.archive = tarOf([{ name: "null", kind: "other" }]);
    for (const target of [host, "web:/srv"]) {
      const device = await world.run(["cp", "web:/dev/null", target]);
      assert.equal(device.status, 3);
      assert.match(
        device.stderr,
        /^banger: web:\/dev\/null is a device, a pipe or a socket\nhint: [^\n]*MACHINE:PATH -[^\n]*\n$/,
      );
    }
  });
});

test("from one machine to another: into a directory, under a new name, contents alone, several at once", async () => {
  await withFiles(async ({ world, guest }) => {
    world.daemon.addMachine("db");
    await mkdir(join(guest, "db"));
    await chmod(join(guest, "srv/file"), 0o750);
    await symlink("sub/x", join(guest, "srv/dir/link"));
    await good(world, "web:/srv/dir", "db:/db");
    await good(world, "web:/srv/dir", "db:/db/new");
    await good(world, "web:/srv/dir/.", "db:/db");
    await good(world, "web:/srv/file", "db:/db/renamed");
    await good(world, "web:/srv/file", "web:/srv/dir/sub", "db:/db/new");
    const found = readdirSync(join(guest, "db"), { recursive: true }).map(String).sort();
    const trees = ["", "dir/", "new/"].flatMap((top) => [`${top}link`, `${top}sub`, `${top}sub/x`]);
    assert.deepEqual(found, [...trees, "dir", "new", "new/file", "renamed"].sort());
    assert.equal(readFileSync(join(guest, "db/dir/link"), "utf8"), "x");
    assert.equal(statSync(join(guest, "db/renamed")).mode & 0o777, 0o750);
    const ran = await world.run(["cp", "--json", "web:/srv/dir", "db:/db/more"]);
    assert.deepEqual(JSON.parse(ran.stdout), { entries: 2, bytes: 1, leftOut: [] });
  });
});

test("a hostile machine gets into another one what it would get onto this host, and no more", async () => {
  await withFiles(async ({ world, guest }) => {
    await mkdir(join(guest, "db"));
    const { files } = world.daemon;
    const top = { name: "dir/", kind: "directory", mode: 0o755 } as const;
    for (const [bad, message] of [
      [{ name: "dir/../up", content: "x" }, /leads up/],
      [{ name: "/etc/x", content: "x" }, /absolute/],
      [{ name: "other", content: "x" }, /"other", which was not asked for/],
      [{ name: "dir/a", kind: "hardlink", link: "../../etc/passwd" }, /leads up/],
      [{ name: "dir/large", size: 2 ** 40 }, /16 GiB are allowed/],
    ] as const) {
      files.archive = tarOf([top, bad], { end: false });
      const ran = await world.run(["cp", "web:/srv/dir", "web:/db"]);
      assert.match(ran.stderr, message);
      assert.notEqual(ran.status, 0);
    }
    files.archive = tarOf([
      top,
      { name: "dir/out", kind: "symlink", link: "/etc" },
      { name: "dir/null", kind: "other" },
      { name: "dir/su", content: "x", mode: 0o4755 },
    ]);
    const left = await world.run(["cp", "web:/srv/dir", "web:/db"]);
    assert.equal(left.status, 0, left.stderr);
    assert.match(left.stderr, /^banger: copied 1 file, 1 B in /);
    assert.match(
      left.stderr,
      /link that leads out: "dir\/out"\n.*device or pipe: "dir\/null"\n.*set-uid bit: "dir\/su"/s,
    );
    assert.deepEqual(readdirSync(join(guest, "db/dir")), ["su"]);
    assert.equal(statSync(join(guest, "db/dir/su")).mode & 0o7777, 0o755);
  });
});

test("a copy over a link replaces the link, and one over a directory's link is refused", async () => {
  await withFiles(async ({ world, host }) => {
    await writeFile(join(host, "kept"), "kept");
    await symlink("kept", join(host, "file"));
    await mkdir(join(host, "real"));
    await symlink("real", join(host, "dir"));
    await good(world, "web:/srv/file", host);
    assert.ok(lstatSync(join(host, "file")).isFile());
    assert.equal(readFileSync(join(host, "kept"), "utf8"), "kept");
    assert.equal((await world.run(["cp", "web:/srv/dir", host])).status, 3);
    assert.deepEqual(readdirSync(join(host, "real")), []);
  });
});

test("a guest that refuses at the end is told in one line, and JSON tells what was copied", async () => {
  await withFiles(async ({ world, host }) => {
    await writeFile(join(host, "one"), "12345");
    const ran = await world.run(["cp", "--json", join(host, "one"), "web:/srv"]);
    assert.deepEqual(JSON.parse(ran.stdout), { entries: 1, bytes: 5, leftOut: [] });
    assert.equal(ran.stderr, "banger: copied 1 file, 5 B in 0 ms\n");
    world.daemon.files.failure = new AppError("GUEST_REFUSED", "web:/srv can not be written to: ENOSPC");
    const full = await world.run(["cp", join(host, "one"), "web:/srv"]);
    assert.deepEqual([full.status, full.stderr.split("\n")[0]], [3, "banger: web:/srv can not be written to: ENOSPC"]);
  });
});

test("a signal ends a copy at once, whatever the machine does, and what was copied is there", async () => {
  await withFiles(async ({ world, host }) => {
    const first = tarOf(
      [
        { name: "dir/", kind: "directory", mode: 0o755 },
        { name: "dir/a", content: "a" },
      ],
      { end: false },
    );
    world.daemon.files.archive = Buffer.concat([first, tarOf([{ name: "dir/b", size: 1 << 20 }], { end: false })]);
    world.daemon.files.stalls = true;
    const interrupts = new Interrupts(() => undefined);
    const changes = watch(host, { recursive: true });
    const copying = world.run(["cp", "web:/srv/dir", host], { interrupts });
    await once(changes, "change");
    interrupts.receive("SIGINT");
    const ran = await copying;
    changes.close();
    assert.equal(ran.status, 130);
    assert.equal(ran.stderr, "banger: interrupted by SIGINT\nhint: Files that were complete by then are there.\n");
    assert.ok(readdirSync(join(host, "dir")).every((name) => name === "a"));
    assert.deepEqual(world.daemon.internal, []);
  });
});

test("a file for an output that takes nothing, or a reader who goes away, is no bug and no hang", async () => {
  await withFiles(async ({ world, guest }) => {
    await writeFile(join(guest, "srv/large"), Buffer.alloc(4_000_000, "x"));
    await using full = await open("/dev/full", "w");
    const ran = await outcome(world.spawn(["cp", "web:/srv/large", "-"], { stdout: full.fd }));
    assert.deepEqual([ran.status, ran.stderr.split("\n")[0]], [3, "banger: the output could not be written (ENOSPC)"]);
    const child = world.spawn(["cp", "web:/srv/large", "-"]);
    await once(child.stdout, "readable");
    child.stdout.destroy();
    const [status]: unknown[] = await once(child, "exit");
    assert.equal(status, 141);
    assert.deepEqual(world.daemon.internal, []);
  });
});
