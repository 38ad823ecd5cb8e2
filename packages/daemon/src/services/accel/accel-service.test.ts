import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { createFakeLogger } from "@banger/platform/log-fake";
import { type AccelDeps, AccelService } from "./accel-service.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-accel-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const signal = new AbortController().signal;
const { logger: log, lines } = createFakeLogger();

function service(change: Partial<AccelDeps> = {}): { service: AccelService; proofs: () => number } {
  let proofs = 0;
  const deps: AccelDeps = {
    ...{ file: join(directory, "accel.json"), log },
    bootId: () => "boot-1",
    vmmVersion: () => Promise.resolve("7.2.0"),
    obstacle: () => Promise.resolve(undefined),
    prove: () => Promise.resolve(),
    ...change,
  };
  const prove: AccelDeps["prove"] = (waiting) => {
    proofs += 1;
    return deps.prove(waiting);
  };
  return { service: new AccelService({ ...deps, prove }), proofs: () => proofs };
}

const silent = () => Promise.reject(new AppError("GUEST_SILENT", "nothing answered"));

test("a guest that answers is the proof, and it is asked for once a boot", async () => {
  const first = service();
  assert.equal((await first.service.decide({ signal })).accelerator, "kvm");
  const second = service();
  assert.equal((await second.service.decide({ signal })).accelerator, "kvm");
  assert.deepEqual([first.proofs(), second.proofs()], [1, 0]);
});

test("a device without a running guest means emulation, with the reason", async () => {
  const verdict = await service({ prove: silent }).service.decide({ signal });
  assert.equal(verdict.accelerator, "tcg");
  assert.match(verdict.reason, /nothing answered/);
});

test("another boot or another VMM is another proof", async () => {
  await service().service.decide({ signal });
  for (const change of [{ bootId: () => "boot-2" }, { vmmVersion: () => Promise.resolve("10.0.2") }]) {
    const next = service(change);
    await next.service.decide({ signal });
    assert.equal(next.proofs(), 1);
  }
});

test("an obstacle decides without a proof and is not remembered beyond itself", async () => {
  const barred = service({ obstacle: () => Promise.resolve("/dev/kvm does not exist") });
  assert.equal((await barred.service.decide({ signal })).accelerator, "tcg");
  assert.equal(barred.proofs(), 0);
  assert.equal((await service().service.decide({ signal })).accelerator, "kvm");
});

test("callers at once share one proof", async () => {
  const { service: one, proofs } = service();
  await Promise.all([one.decide({ signal }), one.decide({ signal }), one.decide({ signal })]);
  assert.equal(proofs(), 1);
});

test("a damaged verdict is decided again", async () => {
  writeFileSync(join(directory, "accel.json"), "{");
  assert.equal((await service().service.decide({ signal })).accelerator, "kvm");
});

test("a caller that goes away does not take the proof from the others", async () => {
  const gone = new AbortController();
  const answer = Promise.withResolvers<void>();
  const { service: one, proofs } = service({ prove: () => answer.promise });
  const leaving = one.decide({ signal: gone.signal });
  const staying = one.decide({ signal });
  gone.abort(new Error("gone"));
  await assert.rejects(leaving, /gone/);
  answer.resolve();
  assert.equal((await staying).accelerator, "kvm");
  assert.equal(proofs(), 1);
});

test("a proof that could not be carried out proves nothing: it is shown, and the next machine asks again", async () => {
  const hindered = service({ prove: () => Promise.reject(new AppError("VMM_START_FAILED", "no memory")) });
  const verdict = await hindered.service.decide({ signal });
  assert.deepEqual([verdict.accelerator, verdict.reason], ["tcg", "no guest ran under KVM: no memory"]);
  assert.deepEqual(await hindered.service.known({ signal }), verdict);
  assert.ok(lines.some(({ event, fields }) => event === "acceleration decided" && fields.reason === verdict.reason));
  const next = service();
  assert.equal((await next.service.decide({ signal })).accelerator, "kvm");
  assert.equal(next.proofs(), 1);
});

test("a VMM that crashes under KVM is a proof, and its last words are the reason", async () => {
  const words = "QEMU ended with SIGABRT as it started: error: failed to set MSR 0x10a";
  const crash = new AppError("VMM_START_FAILED", words, { facts: { signal: "SIGABRT" } });
  await service({ prove: () => Promise.reject(crash) }).service.decide({ signal });
  const next = service();
  assert.deepEqual(
    [(await next.service.decide({ signal })).reason, (await next.service.known({ signal }))?.accelerator],
    [`no guest ran under KVM: ${words}`, "tcg"],
  );
  assert.equal(next.proofs(), 0);
});

test("a VMM that somebody killed proves nothing", async () => {
  const killed = new AppError("VMM_DIED", "QEMU ended with SIGKILL", { facts: { signal: "SIGKILL" } });
  await service({ prove: () => Promise.reject(killed) }).service.decide({ signal });
  const next = service();
  assert.equal((await next.service.decide({ signal })).accelerator, "kvm");
});

test("an obstacle is known before anybody needs a decision", async () => {
  const barred = service({ obstacle: () => Promise.resolve("/dev/kvm does not exist") });
  assert.equal((await barred.service.known({ signal }))?.reason, "/dev/kvm does not exist");
});

test("a proof that nobody waits for any more is ended, and decides nothing", async () => {
  const gone = new AbortController();
  const begun = Promise.withResolvers<void>();
  const hanging = service({
    prove: async ({ signal: proof }) => {
      begun.resolve();
      await new Promise((_, reject) => proof.addEventListener("abort", () => reject(proof.reason)));
    },
  });
  const leaving = hanging.service.decide({ signal: gone.signal });
  await begun.promise;
  gone.abort(new AppError("CANCELLED", "it was cancelled"));
  await assert.rejects(leaving, (error) => AppError.is(error, "CANCELLED"));
  assert.equal(await hanging.service.known({ signal }), undefined);
});

test("a guest's silence is remembered", async () => {
  await service({ prove: silent }).service.decide({ signal });
  const next = service();
  assert.equal((await next.service.decide({ signal })).accelerator, "tcg");
  assert.equal(next.proofs(), 0);
});
