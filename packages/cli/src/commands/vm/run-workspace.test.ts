/** `run PATH`: what arrives in the machine, where the command runs, and what is told. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { World } from "../../testing/world.ts";

async function withRepository(work: (world: World, repository: string) => Promise<void>): Promise<void> {
  await using world = await World.make();
  const repository = join(world.home, "some-repo");
  await mkdir(join(repository, "src"), { recursive: true });
  await mkdir(join(world.daemon.files.root, "root"));
  await writeFile(join(repository, "src/main.c"), "int main;");
  execFileSync("git", ["init", "-q", repository], { env: world.env });
  execFileSync("git", ["-C", repository, "add", "-A"], { env: world.env });
  await writeFile(join(repository, "notes"), "x");
  await writeFile(join(repository, ".env"), "x");
  await work(world, repository);
}

test("run PATH -- CMD: the files are there, the command runs among them, and the rest is named", async () => {
  await withRepository(async (world, repository) => {
    const ran = await world.run(["run", "--rm", repository, "--", "params"]);
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(JSON.parse(ran.stdout).cwd, "/root/some-repo");
    assert.equal(Reflect.get(Object(world.daemon.callsOf("exec.run")[0]), "keep"), true);
    const guest = join(world.daemon.files.root, "root/some-repo");
    assert.equal(readFileSync(join(guest, "src/main.c"), "utf8"), "int main;");
    assert.ok(!existsSync(join(guest, "notes")) && !existsSync(join(guest, ".git")));
    assert.match(
      ran.stderr,
      /^banger: left behind: 1 untracked file \(--include-untracked takes it\); \.env, which may hold secrets \(--include FILE takes one\)\n/,
    );
    assert.match(ran.stderr, /\nbanger: copied 1 file, 9 B in 0 ms\n/);
  });
});

test("run -d PATH -- CMD runs there too", async () => {
  await withRepository(async (world, repository) => {
    await world.run(["run", "-dq", repository, "--", "make"]);
    assert.equal(Reflect.get(Object(world.daemon.callsOf("exec.detach")[0]), "cwd"), "/root/some-repo");
    assert.equal(world.daemon.callsOf("vm.keep").length, 1);
  });
});

test("--dry-run lists with sizes, as JSON too, and no daemon is asked", async () => {
  await withRepository(async (world, repository) => {
    const ran = await world.run(["run", "--dry-run", "--include-untracked", "--include", ".env", repository]);
    assert.deepEqual(ran, {
      status: 0,
      stdout: "       9 B  src/main.c\n       1 B  .env\n       1 B  notes\n",
      stderr: "banger: would copy 3 files, 11 B to /root/some-repo:\n",
    });
    const json = JSON.parse((await world.run(["run", "--dry-run", "--json", repository])).stdout);
    assert.deepEqual(json.leftBehind, { untracked: ["notes"], secrets: [".env"], nested: [] });
    assert.deepEqual([world.daemon.machines.size, world.daemon.calls], [0, []]);
  });
});

test("--dry-run --json tells names that are no text as they are, too", async () => {
  await withRepository(async (world, repository) => {
    const odd = Buffer.concat([Buffer.from(`${repository}/`), Buffer.from([0x66, 0xff])]);
    await writeFile(odd, "x");
    const asked = async (...more: string[]) =>
      JSON.parse((await world.run(["run", "--dry-run", "--json", ...more, repository])).stdout);
    const name = { path: "f\ufffd", pathBase64: "Zv8=" };
    const { leftBehind } = await asked();
    assert.deepEqual(leftBehind, {
      ...{ untracked: [name.path, "notes"], secrets: [".env"], nested: [] },
      notText: [name],
    });
    const { files } = await asked("--include-untracked");
    assert.deepEqual(
      files.find(({ path }: { path: string }) => path === name.path),
      { ...name, kind: "file", size: 1 },
    );
  });
});

test("where no git leaves anything out, what may hold secrets is named", async () => {
  await using world = await World.make();
  const plain = join(world.home, "plain");
  await mkdir(plain);
  await writeFile(join(plain, ".env"), "x");
  const told = "banger: taken too: .env, which may hold secrets: there is no git that leaves it out\n";
  assert.equal((await world.run(["run", "--dry-run", plain])).stderr.split("banger: would")[0], told);
});

test("when the files can not be copied the machine goes again, and a path that is none makes no machine", async () => {
  await withRepository(async (world, repository) => {
    world.daemon.files.failure = new AppError("GUEST_REFUSED", "web:/root can not be written to: ENOSPC");
    const ran = await world.run(["run", repository, "--", "true"]);
    assert.deepEqual([ran.status, world.daemon.machines.size], [125, 0]);
    assert.match(ran.stderr, /ENOSPC/);
    assert.equal((await world.run(["run", join(repository, "none"), "--", "true"])).status, 125);
    assert.equal(world.daemon.machines.size, 0);
  });
});
