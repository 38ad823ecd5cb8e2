import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { type Obeying, obey } from "./client-input.ts";

const SILENT = new AppError("GUEST_SILENT", "the guest's agent did not answer SIGNAL");

/** What is said to be unheard of these orders by a guest that fails them all. */
async function unheardOf(orders: readonly unknown[], failure: AppError): Promise<readonly AppError[]> {
  const told: AppError[] = [];
  const fails = () => Promise.reject(failure);
  const session: Obeying = { resize: fails, signal: fails };
  const control = Readable.from(orders.map((order) => Buffer.from(`${JSON.stringify(order)}\n`)));
  await obey(control, session, { detach: () => assert.fail("detached"), unheard: (error) => told.push(error) });
  return told;
}

test("a guest that does not even take note of SIGTERM or SIGKILL is told of; what else it leaves unanswered is not", async () => {
  const orders = [{ resize: { rows: 5, columns: 6 } }, { signal: 2 }, { signal: 15 }, "nonsense", { signal: 9 }];
  assert.deepEqual(await unheardOf(orders, SILENT), [SILENT, SILENT]);
});

test("a command that has just ended takes no signal, and that is all", async () => {
  assert.deepEqual(await unheardOf([{ signal: 15 }], new AppError("GUEST_REFUSED", "ESRCH")), []);
});
