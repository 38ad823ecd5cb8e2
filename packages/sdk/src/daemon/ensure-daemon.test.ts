import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { HOLDER_FILE } from "@banger/contract/daemon/file-names";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "../client.ts";
import { DaemonFake } from "../testing/daemon-fake.ts";
import { type EnsureOptions, ensureDaemon } from "./ensure-daemon.ts";
import { type DaemonPlaces, daemonPlaces } from "./places.ts";
import { daemonEnvironment } from "./start-daemon.ts";

const program = join(import.meta.dirname, "../testing/daemon-program.ts");
const build = { version: "1.0.0", commit: "abc", builtAt: "today" };

class Place implements AsyncDisposable {
  readonly home: string;
  readonly places: DaemonPlaces;
  readonly notes: string[] = [];
  readonly #clients: BangerClient[] = [];

  private constructor(home: string) {
    this.home = home;
    this.places = daemonPlaces({ HOME: home, XDG_RUNTIME_DIR: join(home, "run") }, { uid: process.getuid?.() ?? 0 });
  }

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), "banger-sdk-")));
  }

  async ensure(change: Partial<EnsureOptions> = {}, flags: readonly string[] = []): Promise<BangerClient> {
    const argv = [process.execPath, program, "--built", change.build?.builtAt ?? build.builtAt, ...flags];
    const client = await ensureDaemon({
      ...{ places: this.places, build, program: { argv, env: process.env } },
      onNote: (text) => void this.notes.push(text),
      ...change,
    });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#clients.at(-1);
    if (client) {
      await client.call("daemon.stop", {}).catch(() => undefined); // a fake in this process is closed by its test
      await client.closed;
    }
    for (const other of this.#clients) other.close();
    await rm(this.home, { recursive: true });
  }
}

test("many at once: one daemon is started, and all talk to it", async () => {
  await using place = await Place.make();
  const clients = await Promise.all(Array.from({ length: 6 }, () => place.ensure()));
  const [first, ...others] = await Promise.all(clients.map((client) => client.call("daemon.status", {})));
  for (const status of others) assert.deepEqual(status, first);
  assert.deepEqual(place.notes, []);
});

test("a daemon of another build that is idle is replaced", async () => {
  await using place = await Place.make();
  await place.ensure();
  const client = await place.ensure({ build: { ...build, builtAt: "tomorrow" } });
  assert.equal(client.peer.build.builtAt, "tomorrow");
  assert.deepEqual(place.notes, []);
});

test("a daemon of another data directory is refused with both named, unless it is ours by another name", async () => {
  await using place = await Place.make();
  const state = join(place.home, "elsewhere");
  const { socket, state: wanted } = place.places;
  {
    await using _other = await DaemonFake.start({ socket, build, state });
    await assert.rejects(place.ensure(), {
      code: "STATE_OTHER",
      message: `the daemon at ${socket} keeps its machines in ${state}, not in ${wanted}`,
      hint: /XDG_RUNTIME_DIR/,
    });
    await mkdir(state);
    await mkdir(dirname(wanted), { recursive: true });
    await symlink(state, wanted);
    await place.ensure();
  }
});

test("one that is busy is used, with a remark; of another protocol it is refused", async () => {
  await using place = await Place.make();
  await using daemon = await DaemonFake.start({ socket: place.places.socket, build: { ...build, commit: "def" } });
  const hold = Promise.withResolvers<void>();
  daemon.operations.begin("image.build", "x", () => hold.promise);
  const client = await place.ensure();
  assert.equal(client.peer.build.commit, "def");
  assert.match(place.notes.join(), /^the daemon is of another build, 1\.0\.0 \(def, built today\), and busy/);
  hold.resolve();
});

test("of another protocol: busy it is refused, idle it is replaced", async () => {
  await using place = await Place.make();
  const other = { socket: place.places.socket, build: { ...build, commit: "def" }, protocol: 99 };
  await using daemon = await DaemonFake.start(other);
  const hold = Promise.withResolvers<void>();
  daemon.operations.begin("image.build", "x", () => hold.promise);
  await assert.rejects(place.ensure(), (error) => AppError.is(error, "VERSION_MISMATCH"));
  hold.resolve();
  await daemon.operations.settled();
  assert.equal((await place.ensure()).peer.build.commit, "abc");
});

test("a daemon that can not start says why in the last line of its log", async () => {
  await using place = await Place.make();
  await mkdir(place.places.state, { recursive: true, mode: 0o700 });
  await appendFile(place.places.log, "older lines\n");
  await assert.rejects(place.ensure({}, ["--fail"]), (error) => {
    assert.ok(AppError.is(error, "SCHEMA_NEWER"));
    assert.equal(error.message, "the state has schema 9, this banger knows 3");
    return true;
  });
});

test("a daemon that can not start for want of space, and that has no log for it, says so too", async () => {
  await using place = await Place.make();
  await assert.rejects(place.ensure({}, ["--full"]), (error) => {
    assert.ok(AppError.is(error, "DISK_FULL"));
    assert.equal(error.message, `no space left in ${place.places.state}`);
    return true;
  });
});

test("a runtime directory that others may enter is refused, not used", async () => {
  await using place = await Place.make();
  await mkdir(place.places.runtime, { recursive: true });
  await chmod(place.places.runtime, 0o755);
  await assert.rejects(place.ensure(), (error) => AppError.is(error, "STATE_UNSAFE"));
});

test("with another runtime directory the daemon of the same state is found where it is", async () => {
  await using place = await Place.make();
  const first = await place.ensure();
  const elsewhere = { HOME: place.home, XDG_RUNTIME_DIR: join(place.home, "other") };
  const places = daemonPlaces(elsewhere, { uid: process.getuid?.() ?? 0 });
  const second = await place.ensure({ places });
  const of = async (client: BangerClient) => await client.call("daemon.status", {});
  assert.deepEqual(await of(second), await of(first));
});

test("a daemon that holds the state and whose socket went away is named", async () => {
  await using place = await Place.make();
  await mkdir(place.places.state, { recursive: true, mode: 0o700 });
  const socket = join(place.home, "gone/bangerd.sock");
  await writeFile(join(place.places.state, "lock"), ""); // held, as the fake program sees it
  await writeFile(join(place.places.state, HOLDER_FILE), JSON.stringify({ pid: 4711, socket }));
  await assert.rejects(place.ensure(), (error) => {
    assert.ok(AppError.is(error, "STATE_LOCKED"));
    assert.match(
      error.message,
      /is held by the daemon with pid 4711, and its socket .*gone\/bangerd\.sock does not answer$/,
    );
    return true;
  });
});

test("a start is given up when its caller is", async () => {
  await using place = await Place.make();
  const why = new AppError("CANCELLED", "enough");
  await assert.rejects(place.ensure({ signal: AbortSignal.abort(why) }), why);
});

test("of the environment the daemon gets what it needs, and nothing that a later client would not have", () => {
  const env = {
    PATH: "/bin",
    HOME: "/h",
    LC_ALL: "C",
    https_proxy: "p",
    SECRET: "s",
    NODE_OPTIONS: "x",
    XDG_DATA_HOME: "/d",
  };
  const { SECRET: _secret, NODE_OPTIONS: _options, ...kept } = env;
  assert.deepEqual(daemonEnvironment(env), kept);
});
