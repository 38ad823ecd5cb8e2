/** Files into and out of real machines: `cp` both ways, what a hostile guest packs, and a repository with `run PATH`. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, utimes, watch, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { product } from "../harness/home.ts";
import { cannotMount, unshare } from "../harness/other-qemu.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });
let here = "";
before(async () => {
  here = await mkdtemp(join(tmpdir(), "banger-e2e-files-"));
});
after(() => rm(here, { recursive: true, force: true }));

const inside = async (script: string): Promise<string> => await home.ok(["exec", "web", "sh", "-c", script]);

scenario("a machine to copy with", async () => {
  await home.ok(["run", "-dq", "--name", "web", "--image", "minimal"]);
});

scenario("cp web:FILE -: the content alone; a link is followed, what is not there is one line", async () => {
  const ran = await home.run(["cp", "web:/etc/os-release", "-"]);
  assert.deepEqual([ran.status, ran.stderr], [0, ""]);
  assert.match(ran.stdout, /^PRETTY_NAME="Debian /);
  const missing = await home.run(["cp", "web:/etc/nothing", "-"]);
  assert.equal(missing.status, 4);
  assert.match(missing.stderr, /^banger: web:\/etc\/nothing can not be [^\n]+\nhint: [^\n]+\n$/);
});

scenario("a tree goes in and comes out again as it was: names, modes, times, links, a large file", async () => {
  const tree = join(here, "tree");
  const content = randomBytes(20_000_000);
  await mkdir(join(tree, "deep", "n".repeat(120)), { recursive: true });
  await writeFile(join(tree, "large"), content);
  await writeFile(join(tree, "deep", "n".repeat(120), "file"), "deep");
  await writeFile(Buffer.from(`${tree}/\xff\xfe`, "latin1"), "no text");
  await symlink("deep/nothing", join(tree, "link"));
  await chmod(join(tree, "large"), 0o751);
  await utimes(join(tree, "large"), 1_500_000_000.25, 1_500_000_000.25);
  await home.ok(["cp", "-q", tree, "web:/tmp/"]);
  const sum = await inside("sha256sum </tmp/tree/large; stat -c '%a %Y' /tmp/tree/large; readlink /tmp/tree/link");
  const digest = createHash("sha256").update(content).digest("hex");
  assert.equal(sum, `${digest}  -\n751 1500000000\ndeep/nothing\n`);
  await home.ok(["cp", "-q", "web:/tmp/tree", join(here, "back")]);
  const back = join(here, "back");
  assert.ok(readFileSync(join(back, "large")).equals(content));
  const { mode, mtimeMs } = statSync(join(back, "large"));
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o751, 1_500_000_000_250]);
  assert.equal(readlinkSync(join(back, "link")), "deep/nothing");
  assert.equal(readFileSync(join(back, "deep", "n".repeat(120), "file"), "utf8"), "deep");
  assert.equal(readFileSync(Buffer.from(`${back}/\xff\xfe`, "latin1"), "utf8"), "no text");
});

scenario("what goes from a machine to a machine arrives as it was", async () => {
  await home.ok(["cp", "-q", "web:/tmp/tree", "web:again"]);
  await inside("cd /root && diff -r --no-dereference /tmp/tree again");
  const facts = "find . -printf '%p %m %T@ %l\\n' | sort";
  assert.equal(await inside(`cd /root/again && ${facts}`), await inside(`cd /tmp/tree && ${facts}`));
});

scenario("standard input becomes a file, and a tar of a directory goes through tools of the host", async () => {
  const content = randomBytes(3_000_000);
  await home.ok(["cp", "-q", "-", "web:typed"], { stdin: content });
  assert.ok((await home.run(["cp", "web:/root/typed", "-"])).bytes.equals(content));
  const tar = (await home.run(["cp", "web:/tmp/tree", "-"])).bytes;
  assert.match(execFileSync("tar", ["-tf", "-"], { input: tar, encoding: "latin1" }), /large/);
});

scenario(
  "what a guest plants stays out: absolute links, devices, pipes, set-uid bits, endless and too many files",
  async () => {
    await inside(
      "mkdir -p /tmp/evil && cd /tmp/evil && ln -sf /etc/passwd abs && ln -sf ../../../etc up && mkfifo -m 644 pipe 2>/dev/null; " +
        "cp /bin/true su && chmod 4755 su; mknod null c 1 3; printf x >\"$(printf 'esc\\033]0;evil\\007')\"; true",
    );
    const ran = await home.run(["cp", "-q", "web:/tmp/evil", join(here, "evil")]);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stderr, /left out: link that leads out: "evil\/.*" and 1 more\n/);
    assert.match(ran.stderr, /dropped: set-uid bit: "evil\/su"\n/);
    assert.ok(!ran.stderr.includes("\x1b"));
    assert.equal(lstatSync(join(here, "evil/su")).mode & 0o7000, 0);
    assert.deepEqual(readdirSync(join(here, "evil")).sort(), ["esc\x1b]0;evil\x07", "su"]);

    await inside("truncate -s 1T /tmp/huge");
    const huge = await home.run(["cp", "web:/tmp/huge", join(here, "huge")]);
    assert.equal(huge.status, 3);
    assert.match(huge.stderr, /^banger: the machine sends 1 TiB or more, and 16 GiB are allowed\nhint: .*--max-size/);
    assert.ok(!existsSync(join(here, "huge")));
    assert.equal((await home.run(["cp", "--force", "web:/tmp/huge", join(here, "huge")])).status, 3, "no room");
  },
);

scenario("a full disk in the machine is told, and the machine goes on", async () => {
  await inside("mkdir -p /tmp/small && mount -t tmpfs -o size=1m none /tmp/small");
  const ran = await home.run(["cp", join(here, "tree"), "web:/tmp/small"]);
  assert.equal(ran.status, 3);
  assert.match(ran.stderr, /web:\/tmp\/small can not be written to: .*ENOSPC/);
  assert.equal(await inside("echo fine"), "fine\n");
});

scenario("a copy that is interrupted leaves no half file here, and nothing running there", async () => {
  await inside("truncate -s 10G /tmp/zeros");
  const target = join(here, "zeros");
  const changes = watch(here, { signal: AbortSignal.timeout(60_000) });
  await using running = home.start(["cp", "web:/tmp/zeros", here]);
  for await (const { filename } of changes) if (filename?.startsWith(".banger-")) break;
  running.signal("SIGINT");
  const ran = await running.ended;
  assert.equal(ran.status, 130, ran.stderr);
  assert.ok(!existsSync(target));
  assert.ok(!readdirSync(here).some((name) => name.startsWith(".banger-")));
  assert.equal(await inside("echo fine"), "fine\n");
});

scenario("a copy that is killed leaves nothing under its name in the machine, and what was there before", async () => {
  await inside("mkdir -p /tmp/into && echo old >/tmp/into/zeros");
  await writeFile(join(here, "zeros"), "");
  await truncate(join(here, "zeros"), 10 * 2 ** 30);
  await using running = home.start(["cp", join(here, "zeros"), "web:/tmp/into"]);
  const nameless = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q '/tmp/into/#'";
  await inside(`until ${nameless}; do sleep 0.1; done`);
  running.signal("SIGKILL");
  await running.ended;
  await inside(`while ${nameless}; do sleep 0.1; done`);
  assert.equal(await inside("ls -A /tmp/into; cat /tmp/into/zeros"), "zeros\nold\n");
  await using typing = home.start(["cp", "-q", "-", "web:/tmp/into/zeros"], { stdin: "pipe" });
  typing.stdin.write("half");
  await inside(`until ${nameless}; do sleep 0.1; done`);
  typing.signal("SIGKILL");
  await typing.ended;
  await inside(`while ${nameless}; do sleep 0.1; done`);
  assert.equal(await inside("ls -A /tmp/into; cat /tmp/into/zeros"), "zeros\nold\n");
});

scenario("whenever the sender is killed or interrupted, the file is what it was", async () => {
  const nameless = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q '/tmp/into/#'";
  for (const [bytes, signal] of [
    [0, "SIGKILL"],
    [1, "SIGINT"],
    [65_536, "SIGKILL"],
    [262_145, "SIGINT"],
    [1_000_000, "SIGKILL"],
  ] as const) {
    await using typing = home.start(["cp", "-q", "-", "web:/tmp/into/zeros"], { stdin: "pipe" });
    typing.stdin.write(Buffer.alloc(bytes, "x"));
    await inside(`until ${nameless}; do sleep 0.05; done`);
    typing.signal(signal);
    await typing.ended;
    await inside(`while ${nameless}; do sleep 0.05; done`);
    assert.equal(await inside("ls -A /tmp/into; cat /tmp/into/zeros"), "zeros\nold\n", `${bytes} bytes, ${signal}`);
  }
});

scenario("a full disk here is told, with what was to go there; no half file stays", async (t) => {
  const why = await cannotMount(home);
  if (why !== undefined) return cannotBeTested(t, why);
  const script =
    'mkdir -p "$1" && mount -t tmpfs -o size=1m none "$1" && d=$1 && shift && cd "$d" && "$@"; s=$?; ls -A; exit $s';
  const small = [...unshare(), "sh", "-c", script, "sh", join(here, "small"), ...product];
  await inside("mkdir -p /tmp/many && cd /tmp/many && for i in 1 2 3 4; do head -c 400000 /dev/zero >$i; done");
  const many = await home.run(["cp", "-q", "web:/tmp/many/.", "."], { product: small });
  assert.deepEqual([many.status, many.stdout.match(/^[1-4]\n[1-4]\n$/)?.length], [3, 1], many.stderr);
  assert.match(many.stderr, /^banger: "\.\/[1-4]" can not be written \(ENOSPC\)\nhint: [^\n]+\n$/);
  const large = await home.run(["cp", "-q", "web:/tmp/tree/large", "."], { product: small });
  assert.deepEqual([large.status, large.stdout], [3, ""], large.stderr);
  assert.match(large.stderr, /^banger: "large" has 19\.1 MiB, and \. has room for 1 MiB\nhint: [^\n]+\n$/);
});

scenario("twenty thousand files go in and come out, each as it was", async () => {
  const many = join(here, "thousands");
  for (let file = 0; file < 20_000; file += 1) {
    const folder = join(many, `${Math.floor(file / 200)}`);
    if (file % 200 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${file}`), `${file}\n`);
  }
  const copied = await home.json(["cp", many, "web:/root/"]);
  assert.deepEqual(copied, { entries: 20_000, bytes: 108_890, leftOut: [] });
  await home.ok(["cp", "-q", "web:/root/thousands", join(here, "thousands-back")]);
  execFileSync("diff", ["-r", many, join(here, "thousands-back")]);
});

scenario(
  "run PATH: what git tracks is in ~/BASENAME and CMD runs there; the rest is named, and a .banger.toml heard",
  async () => {
    const repository = join(here, "some-repo");
    const git = (...argv: string[]) => execFileSync("git", ["-C", repository, ...argv], { env: home.env });
    await mkdir(join(repository, "src"), { recursive: true });
    git("init", "-q");
    await writeFile(join(repository, ".gitignore"), "ignored\n");
    await writeFile(join(repository, "src/run.sh"), 'pwd; find . -type f | sort; exit "$1"', { mode: 0o755 });
    git("add", "-A");
    for (const name of ["ignored", "notes", ".env"]) await writeFile(join(repository, name), "x");
    const argv = ["run", "--rm", "--image", "minimal", repository, "--", "sh", "src/run.sh", "7"];
    const ran = await home.run(argv);
    assert.deepEqual([ran.status, ran.stdout], [7, "/root/some-repo\n./.gitignore\n./src/run.sh\n"], ran.stderr);
    assert.match(ran.stderr, /^banger: left behind: 1 untracked file .*; \.env, which may hold secrets/);
    const wanted = 'image = "minimal"\nvcpu = 2\nmemory = "192M"\ncommand = "ls -A; nproc; echo $GREETING"\n';
    await writeFile(join(repository, ".banger.toml"), `${wanted}[env]\nGREETING = "$HOME"\n`);
    const all = await home.run(["run", "--rm", "--include-untracked", "--memory", "256M", repository]);
    assert.deepEqual([all.status, all.stdout], [0, ".banger.toml\n.gitignore\nnotes\nsrc\n2\n$HOME\n"], all.stderr);
    assert.match(all.stderr, /\.banger\.toml sets image minimal, vcpu 2, command \S+ -c 'ls .*', env GREETING \(/);
  },
);
