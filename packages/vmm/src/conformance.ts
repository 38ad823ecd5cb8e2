/**
 * What every driver promises, as tests. A driver is a driver when it passes these; a new one brings a subject and no
 * tests of its own for what stands here.
 */
import assert from "node:assert/strict";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { MIB } from "@banger/contract/sizes";
import type { Processes } from "@banger/platform/process/processes";
import type { VmmDriver, VmmProcess, VmmSpec } from "./driver.ts";

export type ConformanceSubject = AsyncDisposable & {
  /** a driver as the next daemon would make it: on the same host, with no memory of the one before */
  newDriver(): VmmDriver;
  /** a machine that goes on until it is ended, in a directory of its own */
  newSpec(): Promise<VmmSpec>;
  readonly processes: Pick<Processes, "isAlive" | "findByNonce">;
  /** ends a VMM behind its driver's back, as the guest's own power-off does */
  endVmm(vmm: VmmProcess): void;
  /** from now on VMMs end, hang or cannot be started at all; the driver gives up within seconds */
  breakStarts(): void;
  mendStarts(): void;
};

/** `make` gives no subject when it has skipped the test. */
export type MakeSubject = (t: TestContext) => Promise<ConformanceSubject | undefined>;

/** generous: a loaded machine, and a VMM that is really executed */
const WAIT_MS = 30_000;

function waiting(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(WAIT_MS) };
}

export function driverConformance(name: string, make: MakeSubject): void {
  const that = (what: string, run: (subject: ConformanceSubject) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      await using subject = await make(t);
      if (subject) await run(subject);
    });
  running(that);
  adopting(that);
  ending(that);
  failing(that);
}

type That = (what: string, run: (subject: ConformanceSubject) => Promise<void>) => void;

function running(that: That): void {
  that("start: launcher and VMM run, named by the nonce, and letting go of them ends nothing", async (subject) => {
    const spec = await subject.newSpec();
    const vmm = await subject.newDriver().start(spec, waiting());
    assert.equal(vmm.handles.nonce, spec.nonce);
    await vmm[Symbol.asyncDispose]();
    assertAlive(subject, vmm, true);
    assert.deepEqual(subject.processes.findByNonce(spec.nonce), [vmm.handles.launcher]);
    await vmm.kill(waiting());
  });

  that("the agent's port is there from the start, and again after its pipe has ended", async (subject) => {
    const vmm = await subject.newDriver().start(await subject.newSpec(), waiting());
    for (let i = 0; i < 2; i += 1) {
      const pipe = await vmm.connectAgent(waiting());
      assert.equal(pipe.destroyed, false);
      pipe.destroy();
    }
    await vmm.kill(waiting());
  });

  that("pause and resume, each safe to repeat", async (subject) => {
    const vmm = await subject.newDriver().start(await subject.newSpec(), waiting());
    assert.equal(await vmm.hold(waiting()), "none");
    for (const [act, held] of [
      [vmm.pause, "paused"],
      [vmm.pause, "paused"],
      [vmm.resume, "none"],
      [vmm.resume, "none"],
    ] as const) {
      await act.call(vmm, waiting());
      assert.equal(await vmm.hold(waiting()), held);
    }
    assertAlive(subject, vmm, true);
    await vmm.kill(waiting());
    await assert.rejects(vmm.pause(waiting()), hasDied);
    await assert.rejects(vmm.hold(waiting()), hasDied);
  });

  that(
    "a disk that has grown is told to the machine, and a machine that is gone can be told nothing",
    async (subject) => {
      const bare = await subject.newSpec();
      const path = join(bare.directory, "work.ext4");
      await writeFile(path, Buffer.alloc(MIB));
      const vmm = await subject
        .newDriver()
        .start({ ...bare, disks: [{ path, format: "raw", readonly: false }] }, waiting());
      for (const sizeBytes of [4 * MIB, 4 * MIB, 2 * MIB]) {
        await truncate(path, sizeBytes);
        await vmm.resizeDisk({ index: 0, sizeBytes }, waiting());
        assert.equal((await stat(path)).size, sizeBytes);
      }
      await vmm.kill(waiting());
      await assert.rejects(vmm.resizeDisk({ index: 0, sizeBytes: MIB }, waiting()), hasDied);
    },
  );
}

function adopting(that: That): void {
  that("adopt: the next daemon's driver finds a machine, reaches its agent, and ends it", async (subject) => {
    const spec = await subject.newSpec();
    const first = await subject.newDriver().start(spec, waiting());
    await first[Symbol.asyncDispose]();
    const handles = structuredClone(first.handles);
    const again = await subject.newDriver().adopt({ directory: spec.directory, handles });
    assert.ok(again);
    (await again.connectAgent(waiting())).destroy();
    await again.pause(waiting());
    const third = await subject.newDriver().adopt({ directory: spec.directory, handles });
    assert.equal(await third?.hold(waiting()), "paused", "the next daemon is told");
    assert.deepEqual(await again.kill(waiting()), { status: null, signal: "SIGKILL" });
    assert.deepEqual(await first.exited, { status: null, signal: "SIGKILL" });
    assert.equal(await subject.newDriver().adopt({ directory: spec.directory, handles }), undefined);
  });

  that("adopt: a process that only has the number is not the machine", async (subject) => {
    const spec = await subject.newSpec();
    const vmm = await subject.newDriver().start(spec, waiting());
    const { launcher } = vmm.handles;
    for (const other of [{ startTime: launcher.startTime + 1 }, { bootId: "of another boot" }]) {
      const handles = { ...vmm.handles, launcher: { ...launcher, ...other } };
      assert.equal(await subject.newDriver().adopt({ directory: spec.directory, handles }), undefined);
    }
    await vmm.kill(waiting());
  });
}

function ending(that: That): void {
  that("kill: resolves when all is gone, and is safe to repeat", async (subject) => {
    const vmm = await subject.newDriver().start(await subject.newSpec(), waiting());
    const ends = await Promise.all([vmm.kill(waiting()), vmm.kill(waiting())]);
    for (const end of [...ends, await vmm.exited, await vmm.kill(waiting())]) {
      assert.deepEqual(end, { status: null, signal: "SIGKILL" });
    }
    assertAlive(subject, vmm, false);
  });

  that("exited: tells of a VMM that ends by itself, and connecting to it fails", async (subject) => {
    const vmm = await subject.newDriver().start(await subject.newSpec(), waiting());
    subject.endVmm(vmm);
    await vmm.exited;
    assertAlive(subject, vmm, false);
    await assert.rejects(vmm.connectAgent(waiting()));
  });

  that("a VMM that nobody recorded is ended by its nonce; one that never was is no error", async (subject) => {
    const spec = await subject.newSpec();
    const vmm = await subject.newDriver().start(spec, waiting());
    const other = await subject.newDriver().start(await subject.newSpec(), waiting());
    for (let i = 0; i < 2; i += 1) await subject.newDriver().endUnrecorded(spec.nonce, waiting());
    assertAlive(subject, vmm, false);
    await vmm.exited;
    assert.deepEqual(subject.processes.findByNonce(spec.nonce), []);
    assertAlive(subject, other, true);
    await other.kill(waiting());
  });

  that("sweep: what a dead VMM left goes, disks and logs stay, and it is safe to repeat", async (subject) => {
    const spec = await subject.newSpec();
    const driver = subject.newDriver();
    const disk = join(spec.directory, "work.ext4");
    await writeFile(disk, "a disk");
    const vmm = await driver.start(spec, waiting());
    await vmm.kill(waiting());
    for (let i = 0; i < 2; i += 1) await driver.sweep(spec.directory);
    const left = await readdir(spec.directory);
    assert.deepEqual(socketsAmong(left), []);
    assert.ok(left.includes("console.log"));
    assert.equal(await readFile(disk, "utf8"), "a disk");
    const again = await driver.start(spec, waiting());
    await again.kill(waiting());
  });
}

function failing(that: That): void {
  that(
    "a start that fails is VMM_START_FAILED or TIMEOUT, leaves nothing, and is no hindrance to the next",
    async (subject) => {
      const spec = await subject.newSpec();
      subject.breakStarts();
      const known = (error: unknown) => AppError.is(error, "VMM_START_FAILED") || AppError.is(error, "TIMEOUT");
      await assert.rejects(subject.newDriver().start(spec, waiting()), known);
      await assertNothing(subject, spec);
      subject.mendStarts();
      const vmm = await subject.newDriver().start(spec, waiting());
      await vmm.kill(waiting());
    },
  );

  that("a start that is cancelled, at once or under way, leaves nothing", async (subject) => {
    for (const turns of [0, 1, 20]) {
      const spec = await subject.newSpec();
      const abort = new AbortController();
      const starting = subject.newDriver().start(spec, { signal: abort.signal });
      starting.catch(() => undefined); // asserted below
      for (let i = 0; i < turns; i += 1) await new Promise(setImmediate);
      abort.abort(new AppError("CANCELLED", "the test cancelled it"));
      const outcome = await starting.catch((error: unknown) => error);
      if (outcome instanceof Error) await assertNothing(subject, spec);
      else await subject.newDriver().endUnrecorded(spec.nonce, waiting()); // it was quicker than we
    }
  });

  that("probe: a version, or why there is none", async (subject) => {
    const { version, detail } = await subject.newDriver().probe(waiting());
    assert.ok(version !== null && detail.includes(version));
  });
}

function hasDied(error: unknown): boolean {
  return AppError.is(error, "VMM_DIED");
}

async function assertNothing(subject: ConformanceSubject, spec: VmmSpec): Promise<void> {
  assert.deepEqual(subject.processes.findByNonce(spec.nonce), []);
  assert.deepEqual(socketsAmong(await readdir(spec.directory)), []);
}

function socketsAmong(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.endsWith(".sock"));
}

function assertAlive({ processes }: ConformanceSubject, { handles }: VmmProcess, alive: boolean): void {
  assert.deepEqual([processes.isAlive(handles.launcher), processes.isAlive(handles.vmm)], [alive, alive]);
}
