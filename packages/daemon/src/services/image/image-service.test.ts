import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, open, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AppError } from "@banger/contract/errors";
import { createFakeLogger, type LogLine } from "@banger/platform/log-fake";
import { FakeClock } from "@banger/platform/time/clock-fake";
import { ContentStore } from "../content/content-store.ts";
import { FakeBuildHost } from "./build-host-fake.ts";
import { ImageService, imageRootFile, imageWorkSeed } from "./image-service.ts";
import { ImageManifest } from "./manifest.ts";

const recipesDir = fileURLToPath(new URL("../../../../../images", import.meta.url));
const owner = { token: "me-1", isAlive: () => false };
const signal = new AbortController().signal;

let root = "";
let host: FakeBuildHost;
let users: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "images-"));
  host = new FakeBuildHost();
  users = [];
  await mkdir(join(root, "etc"));
  await writeFile(join(root, "etc/sources.list"), "deb http://mirror.test/debian bookworm main\n");
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

function makeService(log = createFakeLogger().logger): ImageService {
  return new ImageService({
    exec: host.exec,
    clock: new FakeClock(),
    log,
    store: new ContentStore({ root: join(root, "images"), kind: "image", schema: ImageManifest, owner }),
    owner,
    builder: { uid: 1000, userName: "ada" },
    cacheDir: join(root, "cache"),
    aptHost: { etcDir: join(root, "etc"), keyrings: [join(root, "etc/sources.list")] },
    proxyEnv: {},
    recipesDir,
    usedBy: () => users,
  });
}

/** What a build that did not come to its end may leave: the cache of packages, and nothing else. */
async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(await readdir(join(root, "images")).catch(() => []), []);
  assert.deepEqual(await readdir(join(root, "cache/builds")).catch(() => []), []);
}

test("a build makes an image with its manifest, and tells its stages", async () => {
  const stages: string[] = [];
  const image = await makeService().build("minimal", {
    signal,
    progress: ({ name }) => void (stages.at(-1) !== name && stages.push(name)),
  });
  const { manifest } = image;
  assert.equal(manifest.name, "minimal");
  assert.equal(manifest.init, null);
  assert.deepEqual(
    manifest.files.map(({ name }) => name),
    ["root.ext4", "work-seed.ext4", "packages.txt"],
  );
  assert.deepEqual((await readdir(image.dir)).sort(), ["manifest.json", "packages.txt", "root.ext4", "work-seed.ext4"]);
  assert.equal(imageRootFile(image), join(image.dir, "root.ext4"));
  assert.equal(imageWorkSeed(image)?.bytes, manifest.workSeed?.bytes);
  assert.deepEqual(stages, [
    ...["package lists", "download packages", "install", "set up", "make file system", "fingerprint"],
    ...["work seed", "publish"],
  ]);
  assert.deepEqual(await readdir(join(root, "cache/builds")), []);
});

test("the same inputs are the same image, built once; another version of a package is another image", async () => {
  const service = makeService();
  const first = await service.build("minimal", { signal });
  host.programs.length = 0;
  assert.equal((await service.build("minimal", { signal })).manifest.id, first.manifest.id);
  assert.ok(!host.programs.includes("sh"));
  host.version = "1.1";
  const second = await service.build("minimal", { signal });
  assert.notEqual(second.manifest.id, first.manifest.id);
  assert.equal((await service.list()).entries.length, 2);
});

test("packages that no recipe's last build had are removed, once others are there", async () => {
  const service = makeService();
  const archives = async () => (await readdir(join(root, "cache/apt/bookworm/archives"))).sort();
  await service.build("minimal", { signal });
  await service.build("debian-bookworm", { signal });
  host.version = "1.1";
  await service.build("minimal", { signal });
  assert.deepEqual(await archives(), ["demo_1.0_amd64.deb", "demo_1.1_amd64.deb", "partial"]);
  await service.build("debian-bookworm", { signal });
  assert.deepEqual(await archives(), ["demo_1.1_amd64.deb", "partial"]);
});

test("without a network a build goes on from what is in the cache, and says so", async () => {
  const { logger, lines } = createFakeLogger();
  const service = makeService(logger);
  await service.build("minimal", { signal });
  assert.deepEqual(warnings(lines), []);
  host.online = false;
  host.programs.length = 0;
  await service.build("debian-bookworm", { signal });
  assert.ok(host.programs.includes("mmdebstrap"));
  assert.deepEqual(warnings(lines), ["package lists are outdated"]);
  host.version = "1.1";
  await assert.rejects(service.build("minimal", { signal }), {
    code: "DOWNLOAD_FAILED",
    message: "apt could not get the package lists of Debian bookworm: Failed to fetch http://x",
  });
  assert.equal(host.programs.filter((name) => name === "apt-get --download-only").length, 1);
});

function warnings(lines: readonly LogLine[]): readonly string[] {
  return lines.flatMap(({ level, event }) => (level === "warn" ? [event] : []));
}

test("builders of one recipe join one build; different recipes take turns with the cache", async () => {
  const service = makeService();
  let atOnce = 0;
  host.onProgram = async (name) => {
    if (name !== "apt-get update") return;
    atOnce += 1;
    assert.equal(atOnce, 1);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
  };
  const [one, two, other] = await Promise.all([
    service.build("minimal", { signal }),
    service.build("minimal", { signal }),
    service.build("debian-bookworm", { signal }),
  ]);
  assert.equal(one.manifest.id, two.manifest.id);
  assert.notEqual(one.manifest.id, other.manifest.id);
  assert.equal(host.programs.filter((name) => name === "apt-get update").length, 2);
});

test("a builder that leaves while another stays does not end the build", async () => {
  const service = makeService();
  const leaving = new AbortController();
  host.onProgram = (name) => {
    if (name === "sh") leaving.abort(new Error("left"));
  };
  const first = service.build("minimal", { signal: leaving.signal });
  const second = service.build("minimal", { signal });
  await assert.rejects(first, { message: "left" });
  assert.equal((await second).manifest.name, "minimal");
});

test("failing or being cancelled at any call leaves nothing but the cache, and the next build succeeds", async () => {
  await makeService().build("minimal", { signal });
  const calls = host.exec.calls.length;
  const cleanUp = calls; // the last call empties the build directory
  assert.ok(calls > 10);
  for (let nth = 1; nth < cleanUp; nth += 1) {
    for (const how of ["fail", "cancel"] as const) {
      await rm(join(root, "images"), { recursive: true, force: true });
      host = new FakeBuildHost();
      const service = makeService();
      const controller = new AbortController();
      let seen = 0;
      if (how === "fail") host.exec.failAt(nth, new AppError("COMMAND_FAILED", "told to fail"));
      else
        host.onProgram = () => {
          seen += 1;
          if (seen === nth) controller.abort(new Error("interrupted"));
        };
      const build = service.build("minimal", { signal: controller.signal });
      await assert.rejects(build, { message: how === "fail" ? "told to fail" : "interrupted" }, `${how} at ${nth}`);
      await assertNothingLeft();
      host.onProgram = () => undefined;
      assert.equal((await service.ensure("minimal", { signal })).manifest.name, "minimal");
    }
  }
});

test("a host without space is told how much is needed and how much there is, before anything is downloaded", async () => {
  host.installed = "900,000 GB";
  await assert.rejects(makeService().build("minimal", { signal }), (error) => {
    assert.ok(AppError.is(error, "DISK_FULL"));
    assert.match(error.message, /^building minimal needs \d+ MiB, .* has \d+ MiB free$/);
    return true;
  });
  assert.ok(!host.programs.includes("apt-get --download-only"));
  await assertNothingLeft();
});

test("ensure makes what has a recipe, and only that", async () => {
  const service = makeService();
  await assert.rejects(service.ensure("gentoo", { signal }), {
    code: "IMAGE_NOT_FOUND",
    message: 'there is no image "gentoo"',
  });
  const made = await service.ensure("minimal", { signal });
  host.programs.length = 0;
  assert.equal((await service.ensure("minimal", { signal })).manifest.id, made.manifest.id);
  assert.equal((await service.ensure(made.manifest.id.slice(0, 5), { signal })).manifest.id, made.manifest.id);
  assert.deepEqual(host.programs, []);
});

test("a damaged image is told by name, can be removed, and is replaced by the next build", async () => {
  const service = makeService();
  const image = await service.build("minimal", { signal });
  const { id } = image.manifest;
  await chmod(imageRootFile(image), 0o600); // what is published is read-only
  await truncate(imageRootFile(image), 4096);
  await assert.rejects(service.ensure("minimal", { signal }), {
    code: "IMAGE_CORRUPT",
    message: `image minimal (${id}): root.ext4 has 4096 bytes instead of 8589934592`,
    hint: `Run \`banger image delete ${id}\`, then \`banger image build minimal\`.`,
  });
  assert.equal((await service.build("minimal", { signal })).manifest.id, id);
  await service.show("minimal");
  await rm(imageRootFile(image));
  await assert.rejects(service.show(id), { message: `image minimal (${id}): root.ext4 can not be read (ENOENT)` });
  await truncateManifest(image.dir);
  assert.deepEqual(await service.remove(id), { id });
  assert.deepEqual((await service.list()).corrupt, []);
});

async function truncateManifest(dir: string): Promise<void> {
  await rm(join(dir, "manifest.json"));
  await writeFile(join(dir, "manifest.json"), "{");
}

test("an image in use stays", async () => {
  const service = makeService();
  const { manifest } = await service.build("minimal", { signal });
  users = ["ada", "beta"];
  await assert.rejects(service.remove("minimal"), { code: "IN_USE", message: "image minimal is used by ada, beta" });
  users = [];
  assert.deepEqual(await service.remove("minimal"), { id: manifest.id });
  await assert.rejects(service.show("minimal"), { code: "IMAGE_NOT_FOUND" });
});

test("sweep removes what builders that are gone have left", async () => {
  for (const dir of ["images/.staging.dead-1.0a", "cache/builds/.staging.dead-2.0b", "cache/builds/.staging.me-1.0c"]) {
    await mkdir(join(root, dir, "tree/etc"), { recursive: true });
  }
  assert.deepEqual(await makeService().sweep(), [".staging.dead-1.0a", ".staging.dead-2.0b"]);
  assert.deepEqual(await readdir(join(root, "cache/builds")), [".staging.me-1.0c"]);
});

test("verify takes any changed byte for damage, and a file system in shambles, too", async () => {
  const service = makeService();
  const { manifest, dir } = await service.build("minimal", { signal });
  await service.verify(manifest.id, { signal });
  const path = join(dir, "work-seed.ext4");
  await chmod(path, 0o600);
  await using file = await open(path, "r+");
  await file.write(Buffer.from("x"), 0, 1, 100);
  const changed = (error: unknown) =>
    AppError.is(error, "IMAGE_CORRUPT") && /work-seed\.ext4 is not/.test(error.message);
  await assert.rejects(service.verify(manifest.id, { signal }), changed);
  host.onProgram = (name) => {
    if (name === "dumpe2fs") throw new AppError("COMMAND_FAILED", "dumpe2fs failed");
  };
  await assert.rejects(service.verify(manifest.id, { signal }), { code: "IMAGE_CORRUPT" });
});

test("sweep: packages of suites that no recipe is made of go after a month, and no others", async () => {
  const service = makeService();
  const at = (name: string) => join(root, "cache/apt", name);
  const lastUsed = async (suite: string, days: number) => {
    const when = new Date(1_700_000_000_000 - days * 86_400_000);
    await mkdir(join(at(suite), "claims"), { recursive: true });
    await writeFile(join(at(suite), "x.deb"), "");
    await utimes(join(at(suite), "claims"), when, when);
  };
  for (const [suite, days] of [
    ["bookworm", 99],
    ["buster", 31],
    ["sid", 29],
  ] as const)
    await lastUsed(suite, days);
  assert.deepEqual(await service.sweep(), ["buster"]);
  assert.deepEqual((await readdir(join(root, "cache/apt"))).sort(), ["bookworm", "sid"]);
});
