/** What doctor shows of a host and of a state directory that are not as they should be. */
import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { DoctorRow } from "@banger/contract/daemon/system";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";
import { IMAGE_ID, KERNEL_ID } from "../testing/stores-fake.ts";

async function rowsOf(client: Client): Promise<(check: string) => DoctorRow | undefined> {
  const { rows } = await client.call("doctor.run", {});
  return (check) => rows.find((row) => row.check === check);
}

test("a machine that was not cleaned up whole has a row, until delete has taken it away", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  assert.equal((await rowsOf(client))("machines")?.detail, "1, none failed");
  const { driver } = bench.life ?? assert.fail("no daemon");
  driver.onStep = (step) => {
    if (step === "sweep") throw new Error("told to fail");
  };
  const end = await bench.ended(client, await client.call("vm.stop", { ref: "web", graceMs: 0 }));
  assert.match(end.error?.hint ?? "", /`banger doctor` shows/);
  assert.deepEqual((await rowsOf(client))("machine web"), {
    check: "machine web",
    status: "warn",
    detail: "the machine was not cleaned up whole (INTERNAL)",
    fix: "banger delete web",
  });
  driver.onStep = () => undefined;
  await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  assert.equal((await rowsOf(client))("machines")?.status, "ok");
});

test("images and kernels that are damaged have rows that name them", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  assert.deepEqual(
    [(await rowsOf(client))("images")?.detail, (await rowsOf(client))("kernels")?.detail],
    ["1, whole", "1, whole"],
  );
  await truncate(join(bench.paths.images, IMAGE_ID, "root.ext4"), 100);
  await writeFile(join(bench.paths.kernels, KERNEL_ID, "manifest.json"), "{");
  const row = await rowsOf(client);
  assert.deepEqual(
    [row(`image ${IMAGE_ID}`)?.status, row(`image ${IMAGE_ID}`)?.fix],
    ["fail", `banger image delete ${IMAGE_ID}`],
  );
  assert.match(row(`image ${IMAGE_ID}`)?.detail ?? "", /has 100 bytes instead of 4096/);
  assert.deepEqual(row(`kernel ${KERNEL_ID}`), {
    check: `kernel ${KERNEL_ID}`,
    status: "fail",
    detail: "manifest.json is not JSON",
    fix: `banger kernel delete ${KERNEL_ID}`,
  });
});

test("a damaged database that was kept is shown", async () => {
  await using bench = await DaemonBench.make();
  await bench.start();
  await bench.stop();
  await writeFile(bench.paths.database, "not a database");
  const client = await bench.start();
  const row = (await rowsOf(client))("database");
  assert.equal(row?.status, "warn");
  assert.match(row?.detail ?? "", new RegExp(`${basename(bench.paths.database)}\\.damaged-`));
  assert.match(row?.fix ?? "", /^rm \/.*banger\.db\.damaged-\S+\*$/);
});

test("what keeps this user from building images is told with its remedy", async () => {
  await using bench = await DaemonBench.make();
  bench.exec.program("setpriv", () => ({ exitCode: 1, stderr: "unshare: failed to find /etc/subuid" }));
  const client = await bench.start();
  const refused = (await rowsOf(client))("namespaces to build images in");
  assert.match(refused?.detail ?? "", /user tester has no subordinate ids/);
  assert.match(refused?.fix ?? "", /usermod --add-subuids/);
  bench.exec.program("setpriv", () => ({}));
  assert.equal((await rowsOf(client))("namespaces to build images in")?.status, "ok");
});

test("what would stand around a VMM is asked of the launcher, and its absence is a failure with a remedy", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const row = await rowsOf(client);
  assert.deepEqual([row("isolation")?.status, row("banger-launcher")?.status], ["fail", "fail"]);
  assert.match(row("banger-launcher")?.fix ?? "", /banger version$/);
  const answer = { isolation: ["net", "pid"], reason: "user namespaces: EPERM" };
  bench.exec.program("banger-launcher", () => ({ stdout: JSON.stringify(answer) }));
  assert.deepEqual((await rowsOf(client))("isolation"), {
    check: "isolation",
    status: "warn",
    detail: "namespaces: net, pid (user namespaces: EPERM)",
  });
});
