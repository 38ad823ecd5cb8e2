import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, rmdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { formatDetachKeys, parseDetachKeys } from "../arguments/detach-keys.ts";
import { World } from "../testing/world.ts";
import { findProjectFile } from "./project-file.ts";

async function configure(world: World, text: string): Promise<string> {
  const path = join(world.home, ".config/banger/config.toml");
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
  return path;
}

async function project(world: World, text: string): Promise<{ directory: string; path: string }> {
  const directory = join(world.home, "project");
  await mkdir(directory);
  await mkdir(join(world.daemon.files.root, "root"));
  const path = join(directory, ".banger.toml");
  await writeFile(path, text);
  return { directory, path };
}

const refused: readonly (readonly [text: string, message: string, hint: string])[] = [
  ['\n  memry = "2G"', ':2:3: there is no key "memry"', "Did you mean memory?"],
  [
    "x = 1",
    ':1:1: there is no key "x"',
    "Known keys: image, kernel, vcpu, memory, disk, env, stop-time, detach-keys, http-port.",
  ],
  ["[image]\nname = 1", ':1:2: image must be a text, such as "word"', "Mend the value named above and try again."],
  ['vcpu = "2"', ":1:1: vcpu must be a whole number, without quotes", "Mend the value named above and try again."],
  ["vcpu = 99", ':1:1: vcpu "99" is not a whole number from 1 to 32', "Give a number from 1 to 32."],
  [
    'image = "a"\nmemory = "64M"',
    ":2:1: memory 64M is 64 MiB, it must be from 128 to 1048576 MiB",
    "Write a size such as 512MiB, 4G or 2048 (MiB).",
  ],
  [
    'memory = "much"',
    ':1:1: memory: "much" is not a size in whole MiB',
    "Write a size such as 512MiB, 4G or 2048 (MiB).",
  ],
  [
    '[env]\nA = "1"\n\nB = 2',
    ':4:1: env.B must be a text, such as "value"',
    "Mend the value named above and try again.",
  ],
  [
    'env = { A = "1", "b-c" = "2" }',
    ":1:19: env.b-c must be named by letters, digits and _",
    "Mend the value named above and try again.",
  ],
  [
    'stop-time = "soon"',
    ':1:1: stop-time "soon" is not a duration of at most 600 s',
    "Write a duration such as 10 (seconds), 500ms, 30s or 5m.",
  ],
  [
    'detach-keys = "ctrl-%"',
    ':1:1: detach-keys "ctrl-%" are no keys',
    "Write up to 8 keys such as ctrl-p,ctrl-q, or none: a letter, or ctrl- and one of a-z @ [ \\ ] ^ _.",
  ],
  ["http-port = 0", ':1:1: http-port "0" is not a whole number from 1 to 65535', "Give a number from 1 to 65535."],
  ['command = "make"', ":1:1: command does not belong here", "Only a project's .banger.toml has it."],
  [
    "__proto__ = 1",
    ':1:1: there is no key "__proto__"',
    "Known keys: image, kernel, vcpu, memory, disk, env, stop-time, detach-keys, http-port.",
  ],
];

for (const [text, message, hint] of refused) {
  test(`the configuration ${JSON.stringify(text)} is refused`, async () => {
    await using world = await World.make();
    const path = await configure(world, text);
    const ran = await world.run(["create"]);
    assert.deepEqual(ran, { status: 2, stdout: "", stderr: `banger: ${path}${message}\nhint: ${hint}\n` });
    assert.deepEqual(world.daemon.calls, []);
  });
}

test("what is not TOML is told with its line and column", async () => {
  await using world = await World.make();
  const path = await configure(world, 'image = "a"\nmemory = = 2');
  const { status, stderr } = await world.run(["create"]);
  assert.equal(status, 2);
  assert.match(stderr, new RegExp(`^banger: ${path}:2:10: this is not TOML: [^\n]+\nhint: `));
});

test("options win over variables, those over the project, that over the user's file", async () => {
  await using world = await World.make();
  await configure(
    world,
    'image = "minimal"\nvcpu = 1\nmemory = 512\ndisk = "1G"\n[env]\nA = "file"\nB = "file"\nC = "file"\n',
  );
  const { directory } = await project(
    world,
    'vcpu = 2\nmemory = "2G"\ndisk = "2G"\nports = ["8080:80", "9090:90"]\n[env]\nB = "project"\n',
  );
  const line = ["run", directory, "-d", "-q", "--disk", "4G", "-e", "C=option", "-p", "9091:90"];
  const { status, stderr } = await world.run(line, { env: { BANGER_MEMORY: "1G" } });
  assert.deepEqual([status, stderr], [0, ""]);
  const [params] = world.daemon.callsOf("vm.create");
  assert.deepEqual(params, {
    ...{ image: "minimal", vcpus: 2, memoryMib: 1024, diskMib: 4096 },
    ...{ start: true, ephemeral: false, provisional: true },
    environment: ["A=file", "B=project", "C=option"],
    published: [
      { address: "127.0.0.1", host: 9091, guest: 90 },
      { address: "127.0.0.1", host: 8080, guest: 80 },
    ],
  });
});

test("a project is told, its command runs where it was copied to, and --no-project leaves it aside", async () => {
  await using world = await World.make();
  const { directory, path } = await project(
    world,
    'memory = "1G"\ncommand = ["echo", "from the project"]\n[env]\nA = "1"\n',
  );
  const { status, stdout, stderr } = await world.run(["run", directory]);
  assert.deepEqual([status, stdout], [0, "from the project\n"]);
  const told = `banger: ${path} sets memory 1 GiB, command echo 'from the project', env A (--no-project leaves it aside)\n`;
  assert.ok(stderr.startsWith(told), stderr);
  const other = await world.run(["run", "--no-project", directory, "--", "echo", "mine"]);
  assert.deepEqual([other.status, other.stdout], [0, "mine\n"]);
  assert.ok(!other.stderr.includes(".banger.toml"));
  const own = await world.run(["run", directory, "-m", "2G", "--", "echo", "mine"]);
  assert.equal(own.stdout, "mine\n");
  assert.ok(own.stderr.startsWith(`banger: ${path} sets env A (`), own.stderr);
});

const hostile: readonly (readonly [text: string, message: string])[] = [
  ['ports = ["0.0.0.0:8080:80"]', ":1:1: ports must be of 127.0.0.1: 0.0.0.0 takes --publish"],
  ['ports = ["80:80"]', ":1:1: ports must be from 1024 on: 80 takes --publish"],
  ['kernel = "mine"', ":1:1: kernel does not belong here"],
  ["http-port = 80", ":1:1: http-port does not belong here"],
  ["command = []", ':1:1: command must be a text, or a list of texts such as ["make", "test"]'],
  ['[env]\nTOKEN = ["$TOKEN"]', ':2:1: env.TOKEN must be a text, such as "value"'],
];

for (const [text, message] of hostile) {
  test(`a project may not say ${JSON.stringify(text)}`, async () => {
    await using world = await World.make();
    const { directory, path } = await project(world, text);
    const { status, stderr } = await world.run(["run", directory, "-d"]);
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`banger: ${path}${message}\n`), stderr);
    assert.deepEqual(world.daemon.calls, []);
  });
}

test("a value of a project's environment is a value, whatever it looks like", async () => {
  await using world = await World.make();
  const { directory } = await project(world, '[env]\nTOKEN = "$HOME `id`"\n');
  await world.run(["run", directory, "-d", "-q"]);
  const [params] = world.daemon.callsOf("vm.create");
  assert.deepEqual(Object(params).environment, ["TOKEN=$HOME `id`"]);
});

test("a project's file that is a link, a pipe, a directory or too large is refused, and never waited for", async () => {
  await using world = await World.make();
  const secret = join(world.home, "secret");
  await writeFile(secret, "password");
  const makers: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
    ["is a link", (path) => symlink(secret, path)],
    ["is not a regular file", (path) => promisify(execFile)("mkfifo", [path])],
    ["is not a regular file", (path) => mkdir(path)],
    ["has 20000 bytes, a configuration has at most 16384", (path) => writeFile(path, "#".repeat(20_000))],
    ["is not UTF-8", (path) => writeFile(path, Buffer.from([0x61, 0xff]))],
  ];
  for (const [index, [why, make]] of makers.entries()) {
    const directory = join(world.home, `project-${index}`);
    await mkdir(directory);
    await make(join(directory, ".banger.toml"));
    const { status, stderr } = await world.run(["run", directory, "-d"]);
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`banger: ${join(directory, ".banger.toml")} ${why}\n`), stderr);
  }
});

test("a project's file of another user is not used, and told", {
  skip: process.getuid?.() === 0 ? false : "only root gives files away",
}, async () => {
  await using world = await World.make();
  const { directory, path } = await project(world, 'image = "other"\n');
  await chown(path, 4242, 4242);
  const { status, stderr } = await world.run(["run", directory, "-d"]);
  assert.equal(status, 0, stderr);
  assert.ok(stderr.startsWith(`banger: ${path} belongs to uid 4242, and is not used\n`), stderr);
  assert.equal(Object(world.daemon.callsOf("vm.create")[0]).image, undefined);
});

test("stop takes its time from the configuration", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  await configure(world, "stop-time = 3\n");
  await world.run(["stop", "web"]);
  await world.run(["stop", "web", "-t", "1"]);
  assert.deepEqual(world.daemon.callsOf("vm.stop"), [
    { ref: "web", graceMs: 3000 },
    { ref: "web", graceMs: 1000 },
  ]);
});

test("a variable that can not be meant is named", async () => {
  await using world = await World.make();
  const { status, stderr } = await world.run(["create"], { env: { BANGER_VCPU: "many" } });
  assert.deepEqual(
    [status, stderr],
    [2, 'banger: BANGER_VCPU "many" is not a whole number from 1 to 32\nhint: Give a number from 1 to 32.\n'],
  );
});

test("config show tells who set each value, and asks no daemon", async () => {
  await using world = await World.make();
  const own = await configure(world, '# mine\nimage = "minimal"\n\n[env]\nA = "1"\n');
  const { directory, path } = await project(world, 'vcpu = 2\ncommand = "make test"\n');
  const env = { BANGER_MEMORY: "1G", BANGER_DETACH_KEYS: "ctrl-],q" };
  const shown = await world.run(["config", "show", directory], { env });
  assert.equal(shown.status, 0, shown.stderr);
  const lines = shown.stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3).join(" | "));
  assert.deepEqual(lines, [
    "KEY | VALUE | SET BY",
    `image | minimal | ${own}:2`,
    "kernel | Debian's | default",
    `vcpu | 2 | ${path}:1`,
    "memory | 1 GiB | BANGER_MEMORY",
    "disk | 8 GiB | default",
    `env.A | 1 | ${own}:5`,
    "ports | none | default",
    `command | /bin/sh -c 'make test' | ${path}:2`,
    "stop-time | 10s | default",
    "detach-keys | ctrl-],q | BANGER_DETACH_KEYS",
    "http-port | 7080 | default",
    "",
  ]);
  const { settings } = JSON.parse((await world.run(["config", "show", "--json", directory], { env })).stdout);
  assert.deepEqual(settings[0], {
    meaning: "what the root disk of new machines holds",
    key: "image",
    value: "minimal",
    text: "minimal",
    layer: "file",
    path: own,
    line: 2,
    column: 1,
  });
  assert.deepEqual(settings[1], {
    meaning: "the kernel that new machines boot",
    key: "kernel",
    value: null,
    text: "Debian's",
    layer: "default",
  });
  assert.deepEqual(settings[3], {
    meaning: "memory of new machines",
    key: "memory",
    value: 1024,
    text: "1 GiB",
    layer: "env",
    variable: "BANGER_MEMORY",
  });
  assert.deepEqual(world.daemon.calls, []);
});

test("config path tells where the file would be", async () => {
  await using world = await World.make();
  const env = { XDG_CONFIG_HOME: "/etc/elsewhere" };
  assert.equal((await world.run(["config", "path"], { env })).stdout, "/etc/elsewhere/banger/config.toml\n");
  assert.equal((await world.run(["config", "path"])).stdout, join(world.home, ".config/banger/config.toml\n"));
});

test("the doctor reads the configuration", async () => {
  await using world = await World.make();
  const rows = async () => JSON.parse((await world.run(["doctor", "--json"])).stdout).rows[0];
  const nothing = `nothing is set; ${join(world.home, ".config/banger/config.toml")} is where it would be`;
  assert.deepEqual(await rows(), { check: "configuration", status: "ok", detail: nothing });
  const path = await configure(world, "vcpu = 1\n");
  assert.equal((await rows()).detail, `1 value set by ${path}`);
  await configure(world, "vcpus = 1\n");
  assert.deepEqual(await rows(), {
    ...{ check: "configuration", status: "fail" },
    ...{ detail: `${path}:1:1: there is no key "vcpus"`, fix: "Did you mean vcpu?" },
  });
});

test("without PATH the project is the one around, no further up than its repository", async () => {
  await using world = await World.make();
  const { directory, path } = await project(world, "vcpu = 2\n");
  const within = join(directory, "repository/src");
  await mkdir(within, { recursive: true });
  const found = async (around: string) =>
    await findProjectFile({ around }, { uid: process.getuid?.() ?? 0, note: () => assert.fail() });
  assert.equal((await found(directory))?.path, path);
  assert.equal(await found(within), undefined);
  await mkdir(join(directory, ".git"));
  assert.equal((await found(within))?.path, path);
  await mkdir(join(directory, "repository/.git"));
  assert.equal(await found(within), undefined);
});

test("a daemon is told its port when it is started", async () => {
  await using world = await World.make();
  await configure(world, "http-port = 8080\n");
  const { stderr } = await world.run(["daemon", "start", "--foreground"]);
  assert.match(stderr, /would become .* --http-port 8080 --foreground/);
});

/** What a repository could hold to make its reader busy: none of them may take long or look like a fault of ours. */
const heavy: Readonly<Record<string, string>> = {
  "dotted keys": `${"a.".repeat(8_000)}a = 1`,
  "a deep table": `[${"a.".repeat(8_000)}a]`,
  "nested lists": `image = ${"[".repeat(8_000)}`,
  "nested tables": `image = ${"{a=".repeat(990)}1${"}".repeat(990)}`,
  "a list of many lines": `image = [\n${"1,\n".repeat(5_400)}]`,
  "a text of many lines": `image = """\n${"\n".repeat(16_000)}"""`,
};

for (const [what, text] of Object.entries(heavy)) {
  test(`${what} in a project's file are refused like anything else`, async () => {
    await using world = await World.make();
    const { directory } = await project(world, text);
    const { status, stderr } = await world.run(["run", directory, "-d"]);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /\.banger\.toml:\d+:\d+: /);
  });
}

test("keys that leave a command are read where there is a terminal, and nowhere else", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  await configure(world, "detach-keys = 1\n");
  assert.equal((await world.run(["exec", "web", "echo", "hi"])).stdout, "hi\n");
  const { status, stderr } = await world.run(["exec", "-t", "web", "echo", "hi"], { terminal: { columns: 80 } });
  assert.deepEqual(
    [status, stderr.split("\n")[0]?.replace(/.*toml/, "")],
    [125, ':1:1: detach-keys must be a text, such as "word"'],
  );
});

test("formatted keys are what they were parsed from", () => {
  for (const text of ["none", "ctrl-p,ctrl-q", "a,ctrl-],ctrl-@,~"])
    assert.equal(formatDetachKeys(parseDetachKeys(text)), text);
});

test("in a directory that was removed there is no project", async () => {
  await using world = await World.make();
  const directory = join(world.home, "gone");
  await mkdir(directory);
  const before = process.cwd();
  process.chdir(directory);
  try {
    await rmdir(directory);
    assert.equal((await world.run(["create"])).status, 0);
  } finally {
    process.chdir(before);
  }
});

/** Files without a bit for anybody are closed to everybody but root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test("in a directory that is closed to us there is no project; a file that is closed to us is told", async () => {
  await using world = await World.make();
  const { directory, path } = await project(world, "vcpu = 2\n");
  const found = async () => await findProjectFile({ around: directory }, { uid: 65_534, note: () => undefined });
  await chmod(path, 0o000);
  await chmod(world.home, 0o755);
  await asNobody(async () => {
    await assert.rejects(found(), /can not be read \(EACCES\)/);
  });
  await chmod(directory, 0o000);
  await asNobody(async () => assert.equal(await found(), undefined));
  await chmod(directory, 0o700);
});
