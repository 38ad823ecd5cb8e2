/**
 * What a person sees at 40, 80 and 200 columns, as files to look at. UPDATE_GOLDEN=1 writes them anew; the difference is what
 * a change of looks has to be judged by.
 */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { OperationView } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import { ImageId, OperationId, VmId } from "@banger/contract/ids";
import { sampleImage } from "@banger/sdk/testing/sample-views";
import { World } from "../testing/world.ts";
import { startCopyProgress } from "./copy-progress.ts";
import { Output } from "./output.ts";
import { startProgress } from "./progress.ts";

const WIDTHS = [40, 80, 200];
const directory = join(import.meta.dirname, "golden");

async function compare(name: string, text: string): Promise<void> {
  const path = join(directory, name);
  const shown = text.replaceAll("\x1b", "^[").replaceAll("\r", "^M");
  if (process.env.UPDATE_GOLDEN === "1") {
    await mkdir(directory, { recursive: true });
    await writeFile(path, shown);
  }
  const wanted = await readFile(path, "utf8").catch(() => "");
  assert.equal(shown, wanted, `${path} differs; UPDATE_GOLDEN=1 and this test write it anew`);
}

async function furnished(): Promise<World> {
  const world = await World.make();
  const { daemon } = world;
  const { id } = daemon.addMachine("web", { id: VmId.parse("aaaaaaaaaaaa") });
  daemon.addMachine("a-machine-with-a-rather-long-name-for-a-table", {
    ...{ id: VmId.parse("bbbbbbbbbbbb"), state: "failed", vcpus: 16, memoryMib: 1_048_576, startedAt: null },
    image: { id: ImageId.parse("debianbookwo"), name: "debian-bookworm" },
    lastError: {
      code: "GUEST_PANICKED",
      message: "the guest panicked 12 s after its start; see `banger logs` for all it said",
    },
  });
  daemon.images.push({
    ...sampleImage,
    id: ImageId.parse("debianbookwo"),
    name: "debian-bookworm",
    init: "/sbin/init",
  });
  const port = { address: "0.0.0.0", pid: 812 };
  daemon.ports.views = [
    { ...port, port: 3000, process: "node", protocol: "http", url: "http://3000.web.localhost:7080" },
    { ...port, port: 65_535, process: "\u6587\u5b57\u5316\u3051\u30b5\u30fc\u30d0", protocol: "none", url: null },
  ];
  daemon.ports.published.set(id, [{ address: "127.0.0.1", host: 8080, guest: 3000 }]);
  const failure = new AppError("DOWNLOAD_FAILED", "the mirror does not answer");
  daemon.operations.begin("image.build", "debian-bookworm", async () => "image", OperationId.parse("cccccccccccc"));
  daemon.operations.begin("kernel.pull", "debian", () => Promise.reject(failure), OperationId.parse("dddddddddddd"));
  await daemon.operations.settled();
  daemon.doctorRows = [
    { check: "qemu", status: "ok", detail: "QEMU 7.2" },
    {
      ...{ check: "kvm", status: "warn" },
      detail: "/dev/kvm is there, and no guest ever ran under it within 5 s; machines are emulated, which is slower",
    },
    {
      check: "mmdebstrap",
      status: "fail",
      detail: "it is not installed",
      fix: "apt-get install -y mmdebstrap uidmap xz-utils",
    },
  ];
  return world;
}

const lines: Readonly<Record<string, string>> = {
  list: "list",
  show: "show a-machine-with-a-rather-long-name-for-a-table",
  ports: "ports web",
  "image-list": "image list",
  "kernel-list": "kernel list",
  "operation-list": "operation list",
  "operation-show": "operation show dddd",
  doctor: "doctor",
  "help-kernel": "help kernel",
  "help-unpublish": "help unpublish",
  error: "show nope",
};

for (const columns of WIDTHS) {
  test(`at ${columns} columns`, async () => {
    await using world = await furnished();
    for (const [name, line] of Object.entries(lines)) {
      const { stdout, stderr } = await world.run(line.split(" "), {
        terminal: { columns },
        env: { XDG_CONFIG_HOME: "/etc/you" },
      });
      await compare(`${name}.${columns}.txt`, stdout + stderr);
      assert.ok(!(stdout + stderr).includes("\x1b"), name);
    }
  });

  test(`progress at ${columns} columns`, async () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 24 });
    const err = new Output(stream);
    let now = 0;
    using progress = startProgress({ err, quiet: false, now: () => now });
    const view = (stages: OperationView["stages"]): OperationView => ({
      ...{ id: OperationId.parse("cccccccccccc"), kind: "image.build", subject: "minimal", state: "running", stages },
      ...{ startedAt: "2026-01-01T00:00:00.000Z", durationMs: null },
    });
    const fetched = {
      name: "fetch packages",
      startMs: 0,
      durationMs: 81_500,
      doneBytes: 104_857_600,
      totalBytes: 104_857_600,
    };
    progress.onChange(view([{ ...fetched, durationMs: null, doneBytes: 3_145_728 }]));
    now = 83_000;
    progress.onChange(
      view([fetched, { name: "make the file system of the image", startMs: 81_500, durationMs: null }]),
    );
    progress.done("image minimal is there");
    using copy = startCopyProgress({ err, quiet: false, now: () => now });
    now = 84_000;
    copy.onProgress({ entries: 20_000, bytes: 314_572_800 });
    copy.onTotal?.({ entries: 20_001, bytes: 314_572_801 });
    now = 84_500;
    copy.onProgress({ entries: 20_000, bytes: 314_572_800 });
    now = 85_000;
    copy.done({ entries: 20_001, bytes: 314_572_801, leftOut: [{ what: "a device", count: 1, first: "dev/sda" }] });
    const said = String(stream.read());
    await compare(`progress.${columns}.txt`, said);
  });
}

test("where there is no terminal nothing is cut", async () => {
  await using world = await furnished();
  const [wide, piped] = [await world.run(["list"], { terminal: { columns: 200 } }), await world.run(["list"])];
  assert.deepEqual(piped, wide);
});

test("colours are for terminals that say what they are, unless NO_COLOR is set, and take no width", async () => {
  await using world = await furnished();
  const screen = async (env: Record<string, string>, columns = 80) =>
    await Promise.all(
      ["list", "doctor"].map(async (line) => (await world.run([line], { env, terminal: { columns } })).stdout),
    );
  const plain = await screen({});
  const colored = await screen({ TERM: "xterm" });
  const shown = colored.map((text) => text.replaceAll("\x1b[", "^["));
  assert.match(shown.join(""), /^web .* \^\[32mrunning\^\[0m {2}minimal /m);
  assert.match(shown.join(""), /^\^\[31mfail\^\[0m {2}mmdebstrap: /m);
  assert.deepEqual(
    shown.map((text) => text.replaceAll(/\^\[\d+m/g, "")),
    plain,
  );
  for (const env of [{ TERM: "dumb" }, { TERM: "xterm", NO_COLOR: "1" }]) assert.deepEqual(await screen(env), plain);
  assert.deepEqual(await screen({ TERM: "xterm", NO_COLOR: "" }), colored);
  assert.ok(!(await world.run(["list"], { env: { TERM: "xterm" } })).stdout.includes("\x1b"));
});
