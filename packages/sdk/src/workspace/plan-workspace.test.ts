/** What goes into a machine, with repositories that git itself has made. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { LeftOut } from "../files/left-out.ts";
import { pack } from "../files/pack.ts";
import { type PlanOptions, planWorkspace, type WorkspacePlan, workspaceSources } from "./plan-workspace.ts";
import { looksSecret } from "./secret-names.ts";
import { gitExec } from "./workspace.ts";

class Repository implements AsyncDisposable {
  readonly home: string;

  private constructor(home: string) {
    this.home = home;
  }

  static async make(): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), "banger-repo-")));
    repository.git("init", "-q", repository.path());
    return repository;
  }

  path(...names: string[]): string {
    return join(this.home, "repo", ...names);
  }

  git(...argv: string[]): void {
    const { PATH } = process.env;
    const who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"];
    execFileSync("git", [...who, ...argv], { env: { PATH, HOME: this.home }, stdio: "pipe", cwd: this.home });
  }

  async write(name: string | Buffer, content = "x"): Promise<void> {
    const path = Buffer.concat([Buffer.from(this.path("/")), Buffer.from(name)]);
    await mkdir(dirname(path.toString("latin1")), { recursive: true });
    await writeFile(path, content);
  }

  async plan(options: Partial<PlanOptions> & { at?: string } = {}): Promise<WorkspacePlan> {
    const exec = gitExec({ PATH: process.env.PATH, HOME: this.home });
    const { at = this.path(), ...more } = options;
    return await planWorkspace(at, { exec, includeUntracked: false, include: [], ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

function names(plan: WorkspacePlan): string[] {
  return plan.files.filter(({ kind }) => kind !== "directory").map(({ path }) => path.toString("latin1"));
}

function sortedNames(plan: WorkspacePlan): string[] {
  const found = names(plan);
  return found.sort((a, b) => (a < b ? -1 : 1));
}

const texts = (paths: readonly Buffer[]) => paths.map(String);

async function withTypicalRepository(work: (repository: Repository) => Promise<void>): Promise<void> {
  await using repository = await Repository.make();
  await repository.write(".gitignore", "ignored\nbuild/\n.env.local\n");
  await repository.write("src/main.c", "int main;");
  await repository.write(Buffer.from([0x6e, 0xff, 0xfe]));
  await symlink("src/main.c", repository.path("link"));
  await chmod(repository.path("src/main.c"), 0o755);
  repository.git("-C", "repo", "add", "-A");
  for (const name of ["ignored", "build/out", ".env.local", "notes", ".env", "deploy/server.pem", "id_rsa"]) {
    await repository.write(name);
  }
  await work(repository);
}

const TRACKED = [".gitignore", "link", "n\xff\xfe", "src/main.c"];

test("in a repository: what git tracks, and the rest is named", async () => {
  await withTypicalRepository(async (repository) => {
    const plan = await repository.plan();
    assert.deepEqual([plan.name, sortedNames(plan)], ["repo", TRACKED]);
    assert.deepEqual(texts(plan.untracked), ["notes"]);
    assert.deepEqual(texts(plan.secrets), [".env", "deploy/server.pem", "id_rsa"]);
    const part = await repository.plan({ at: repository.path("src") });
    assert.deepEqual([part.name, names(part)], ["src", ["main.c"]]);
  });
});

test("untracked files are taken when asked for, secrets only by name, ignored ones never unasked", async () => {
  await withTypicalRepository(async (repository) => {
    const plan = await repository.plan({ includeUntracked: true });
    assert.deepEqual(sortedNames(plan), [...TRACKED, "notes"].sort());
    const named = await repository.plan({ includeUntracked: true, include: [".env", "./.env.local"] });
    assert.deepEqual(sortedNames(named), [...TRACKED, "notes", ".env", ".env.local"].sort());
    assert.deepEqual(texts(named.secrets), ["deploy/server.pem", "id_rsa"]);
    for (const include of ["../x", "/etc/passwd", "src", "nothing", "."]) {
      await assert.rejects(repository.plan({ include: [include] }), { code: "USAGE" });
    }
  });
});

test("a repository decides nothing that is run, and no file behind a link is taken", async () => {
  await withTypicalRepository(async (repository) => {
    await writeFile(join(repository.home, "hook"), `#!/bin/sh\ntouch ${repository.home}/ran\n`, { mode: 0o755 });
    repository.git("-C", "repo", "config", "core.fsmonitor", join(repository.home, "hook"));
    await rm(repository.path("src"), { recursive: true });
    await mkdir(join(repository.home, "elsewhere"));
    await writeFile(join(repository.home, "elsewhere/main.c"), "secret");
    await symlink("../elsewhere", repository.path("src"));
    const plan = await repository.plan({ includeUntracked: true });
    assert.ok(!names(plan).includes("src/main.c"));
    assert.ok(!readdirSync(repository.home).includes("ran"));
  });
});

test("a repository that lacks objects names no program that is run to fetch them", async () => {
  await using repository = await Repository.make();
  await repository.write("in/a");
  await repository.write("out/b");
  const git = (...argv: string[]) => repository.git("-C", "repo", ...argv);
  git("add", "-A");
  git("commit", "-qm", "x");
  git("sparse-checkout", "init", "--cone", "--sparse-index");
  git("sparse-checkout", "set", "in");
  // The index names a tree that is looked up to list it.
  for (const name of readdirSync(repository.path(".git/objects")))
    if (name.length === 2) await rm(repository.path(".git/objects", name), { recursive: true });
  git("config", "core.repositoryFormatVersion", "1");
  git("config", "extensions.partialClone", "evil");
  git("config", "remote.evil.promisor", "true");
  git("config", "remote.evil.url", repository.path());
  git("config", "remote.evil.uploadpack", `touch ${repository.home}/ran; git-upload-pack`);
  await repository.plan().catch(() => undefined); // whether git lists the rest depends on its version
  assert.ok(!readdirSync(repository.home).includes("ran"));
});

test("a submodule whose name leads back up is not looked into", async () => {
  await using repository = await Repository.make();
  await repository.write("a/file");
  repository.git("-C", "repo", "update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},a/xx`);
  const index = readFileSync(repository.path(".git/index"));
  index.write("a/..", index.indexOf("a/xx"));
  const end = index.length - 20;
  createHash("sha1").update(index.subarray(0, end)).digest().copy(index, end);
  await writeFile(repository.path(".git/index"), index);
  const signal = AbortSignal.timeout(20_000);
  await repository.plan({ includeUntracked: true, signal }).catch(() => signal.throwIfAborted()); // git may refuse it
});

test("links in the place of submodules are not followed", async () => {
  await using repository = await Repository.make();
  await repository.write("a");
  repository.git("-C", "repo", "add", "a");
  repository.git("-C", "repo", "commit", "-qm", "x");
  for (const name of ["m1", "m2"]) {
    repository.git("-C", "repo", "update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},${name}`);
    await symlink(".", repository.path(name));
  }
  const plan = await repository.plan({ includeUntracked: true });
  assert.deepEqual(names(plan), ["a", "m1", "m2"]);
});

test("what git tracks and is gone is passed over; submodules come with their files, other repositories do not", async () => {
  await withTypicalRepository(async (repository) => {
    await mkdir(join(repository.home, "library"));
    repository.git("init", "-q", "library");
    await writeFile(join(repository.home, "library/lib.c"), "lib");
    repository.git("-C", "library", "add", "-A");
    repository.git("-C", "library", "commit", "-qm", "x");
    repository.git("-C", "repo", "submodule", "--quiet", "add", join(repository.home, "library"), "vendor/lib");
    repository.git("init", "-q", repository.path("other"));
    await repository.write("other/file");
    await rm(repository.path("src/main.c"));
    await repository.write("vendor/lib/new.c");
    await repository.write("vendor/lib/.env");
    await repository.write("vendor/lib/.gitignore", "*.o\n");
    await repository.write("vendor/lib/lib.o");
    const few = await repository.plan();
    assert.ok(names(few).includes("vendor/lib/lib.c"));
    assert.ok(texts(few.untracked).includes("vendor/lib/new.c"));
    const plan = await repository.plan({ includeUntracked: true });
    const within = sortedNames(plan).filter((name) => name.startsWith("vendor/"));
    assert.deepEqual(within, ["vendor/lib/.gitignore", "vendor/lib/lib.c", "vendor/lib/new.c"]);
    assert.ok(texts(plan.secrets).includes("vendor/lib/.env"));
    assert.ok(!names(plan).includes("src/main.c"));
    assert.deepEqual(texts(plan.nested), ["other/"]);
  });
});

test("outside of git everything is taken, empty directories too", async () => {
  await using repository = await Repository.make();
  const at = join(repository.home, "plain");
  await mkdir(join(at, "empty"), { recursive: true });
  await writeFile(join(at, ".env"), "x");
  const plan = await repository.plan({ at });
  assert.deepEqual(plan.files.map(({ path, kind }) => [String(path), kind]).sort(), [
    [".env", "file"],
    ["empty", "directory"],
  ]);
  assert.deepEqual(plan.exposed.map(String), [".env"]); // taken, and told
  await assert.rejects(repository.plan({ at: join(at, ".env") }), { code: "USAGE" });
  await assert.rejects(repository.plan({ at: join(at, "none") }), { code: "FILE_UNREADABLE" });
  await assert.rejects(repository.plan({ at: "/" }), { code: "USAGE" });
});

test("a repository that git refuses is an error, not a directory without git", async () => {
  await using repository = await Repository.make();
  await rm(repository.path(".git/HEAD"));
  await assert.rejects(repository.plan(), { code: "COMMAND_FAILED" });
});

test("what was planned arrives under the directory's name, with modes, links and names that are no text", async () => {
  await withTypicalRepository(async (repository) => {
    const to = join(repository.home, "to");
    await mkdir(to);
    const archive = await buffer(pack(workspaceSources(await repository.plan()), { leftOut: new LeftOut() }));
    execFileSync("tar", ["-xpf", "-", "-C", to], { input: archive });
    assert.equal(readFileSync(join(to, "repo/link"), "utf8"), "int main;");
    assert.equal(lstatSync(join(to, "repo/src/main.c")).mode & 0o777, 0o755);
    const found = readdirSync(join(to, "repo"), { encoding: "latin1" as BufferEncoding });
    assert.deepEqual(found.sort(), [".gitignore", "link", "n\xff\xfe", "src"]);
  });
});

test("names of secrets", () => {
  for (const name of [".env", "a/.env.production", ".envrc", "x.PEM", "id_ed25519", "a/.ssh/config", ".npmrc"]) {
    assert.ok(looksSecret(Buffer.from(name)), name);
  }
  for (const name of ["env", "environment.ts", "id_rsa.pub", "keyboard.c", "ssh/config", "pem.txt"]) {
    assert.ok(!looksSecret(Buffer.from(name)), name);
  }
});
