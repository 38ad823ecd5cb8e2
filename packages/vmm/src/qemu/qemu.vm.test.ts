/** The QEMU driver with the real program, under the real launcher. What it boots is tiny; nobody answers on the agent's port. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { driverConformance } from "../conformance.ts";
import { type QemuSubject, qemuSubject } from "../testing/qemu-subject.ts";
import { TINY_WORD } from "../testing/tiny-kernel.ts";

const BINARY = "qemu-system-x86_64";

async function makeSubject(t: TestContext): Promise<QemuSubject | undefined> {
  const subject = await qemuSubject({ binary: BINARY });
  const { version, detail } = await subject.newDriver().probe({ signal: AbortSignal.timeout(30_000) });
  if (version !== null) return subject;
  await subject[Symbol.asyncDispose]();
  cannotBeTested(t, detail);
  return undefined;
}

driverConformance("qemu", makeSubject);

test("the kernel speaks on the console, and the sandbox and the namespaces stand around the VMM", async (t) => {
  await using subject = await makeSubject(t);
  if (!subject) return;
  const waiting = { signal: AbortSignal.timeout(60_000) };
  const spec = await subject.newSpec();
  const vmm = await subject.newDriver().start(spec, waiting);
  const { isolation, vmm: qemu } = vmm.handles;
  assert.ok(isolation.namespaces.length > 0 || isolation.reason !== null);
  const status = await readFile(`/proc/${qemu.pid}/status`, "utf8");
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, /^Seccomp:\t2$/m);
  let console = "";
  while (!console.includes(TINY_WORD)) {
    waiting.signal.throwIfAborted();
    console = await readFile(join(spec.directory, "console.log"), "utf8");
  }
  await vmm.kill(waiting);
});
