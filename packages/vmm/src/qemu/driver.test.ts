import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { FakeProcesses } from "@banger/platform/process/processes-fake";
import { driverConformance } from "../conformance.ts";
import { qemuSubject } from "../testing/qemu-subject.ts";
import { QemuDriver } from "./driver.ts";

driverConformance("qemu on a fixture", async () => await qemuSubject());

const waiting = () => ({ signal: AbortSignal.timeout(30_000) });

test("a QEMU that dies at its start: its status and its own last words are in the message", async () => {
  await using subject = await qemuSubject();
  subject.behave("dies");
  await assert.rejects(
    subject.newDriver().start(await subject.newSpec(), waiting()),
    (error) =>
      AppError.is(error, "VMM_START_FAILED") &&
      error.message === "QEMU ended with status 1 as it started: qemu: -blockdev: the disk is not there",
  );
});

test("a QEMU that is not installed is a missing prerequisite, not a failed start", async () => {
  await using subject = await qemuSubject({ binary: "/nowhere/qemu-system-x86_64" });
  await assert.rejects(
    subject.newDriver().start(await subject.newSpec(), waiting()),
    (error) => AppError.is(error, "PREREQUISITE_MISSING") && error.message.startsWith("/nowhere/qemu-system"),
  );
});

test("a QEMU whose monitor never answers is given up at the deadline, and nothing is left", async () => {
  await using subject = await qemuSubject();
  subject.behave("mute");
  const spec = await subject.newSpec();
  await assert.rejects(
    subject.newDriver({ monitorMs: 300 }).start(spec, waiting()),
    (error) => AppError.is(error, "TIMEOUT") && error.message.includes("QEMU's monitor"),
  );
  assert.deepEqual(subject.processes.findByNonce(spec.nonce), []);
});

test("a QEMU that hangs up its monitor and lives on is given up at the deadline, and nothing is left", async () => {
  await using subject = await qemuSubject();
  subject.behave("hangs-up");
  const spec = await subject.newSpec();
  await assert.rejects(
    subject.newDriver({ monitorMs: 300 }).start(spec, waiting()),
    (error) => AppError.is(error, "TIMEOUT") && error.message.includes("QEMU's monitor"),
  );
  assert.deepEqual(subject.processes.findByNonce(spec.nonce), []);
});

test("a QEMU that is stopped is silent, not dead and no bug, however often it is asked; it goes on, and can be ended", async () => {
  await using subject = await qemuSubject();
  const vmm = await subject.newDriver({ answerMs: 50 }).start(await subject.newSpec(), waiting());
  subject.processes.signal(vmm.handles.vmm, "SIGSTOP");
  // More often than its sockets have room for connections that it has not accepted.
  for (let i = 0; i < 12; i += 1) {
    const asked = [vmm.pause(waiting()), vmm.resume(waiting()), vmm.hold(waiting())];
    await Promise.all(asked.map((each) => assert.rejects(each, { code: "VMM_SILENT" })));
  }
  subject.processes.signal(vmm.handles.vmm, "SIGCONT");
  while ((await vmm.hold(waiting()).catch(() => "silent")) !== "none");
  subject.processes.signal(vmm.handles.vmm, "SIGSTOP");
  assert.deepEqual(await vmm.kill(waiting()), { status: null, signal: "SIGKILL" });
});

test("a directory that is too deep for a socket is refused before anything runs", async () => {
  await using subject = await qemuSubject();
  const spec = await subject.newSpec();
  const directory = join(spec.directory, "d".repeat(100));
  await mkdir(directory);
  await assert.rejects(subject.newDriver().start({ ...spec, directory }, waiting()), (error) =>
    AppError.is(error, "PATH_TOO_LONG"),
  );
  assert.deepEqual(subject.processes.findByNonce(spec.nonce), []);
  assert.deepEqual(await readdir(directory), []);
});

test("a QEMU that ignores SIGTERM is ended all the same", async () => {
  await using subject = await qemuSubject();
  subject.behave("deaf");
  const vmm = await subject.newDriver().start(await subject.newSpec(), waiting());
  assert.deepEqual(await vmm.kill(waiting()), { status: null, signal: "SIGKILL" });
});

test("a guest that floods its console takes a bounded part of the disk, and the monitor still answers", async () => {
  await using subject = await qemuSubject();
  subject.behave("floods");
  const spec = await subject.newSpec();
  const vmm = await subject.newDriver().start(spec, waiting());
  const old = join(spec.directory, "console.log.1");
  while (!(await stat(old).catch(() => undefined))) await vmm.pause(waiting());
  await vmm.kill(waiting());
  for (const file of [old, join(spec.directory, "console.log")]) assert.ok((await stat(file)).size <= 1 << 20);
});

test("what QEMU says on its console is in the machine's console file", async () => {
  await using subject = await qemuSubject();
  const spec = await subject.newSpec();
  const vmm = await subject.newDriver().start(spec, waiting());
  let text = "";
  while (!text.includes("console begins")) text = await readFile(join(spec.directory, "console.log"), "utf8");
  await vmm.kill(waiting());
});

test("a program that is not there, or is too old, is told with the package that brings it", async () => {
  const old = new FakeExec().program("qemu", () => ({ stdout: "QEMU emulator version 6.2.0\n" }));
  for (const [exec, detail] of [
    [old, "QEMU 6.2.0 is older than 7.2"],
    [new FakeExec(), "qemu is not installed"],
  ] as const) {
    const deps = { exec, binary: "qemu", processes: new FakeProcesses(), launcher: "" };
    const driver = new QemuDriver({ ...deps, tscKhz: () => Promise.resolve(undefined) });
    const fix = "apt-get install qemu-system-x86";
    assert.deepEqual(await driver.probe(waiting()), { version: null, detail, fix });
  }
});
