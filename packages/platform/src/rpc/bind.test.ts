import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { bindMethods } from "./bind.ts";
import type { RpcContext } from "./methods.ts";

const context: RpcContext = {
  signal: new AbortController().signal,
  connection: new AbortController().signal,
  peer: { pid: 1, uid: 0, gid: 0 },
  sameProtocol: true,
  progress: () => undefined,
  upgrade: () => undefined,
};

function parseCode(value: unknown): ErrorCode {
  for (const code of ["NAME_TAKEN", "TIMEOUT", "NAME_INVALID"] as const) if (value === code) return code;
  throw new Error("no such code");
}

test("a code that a method does not declare is told of, and answered all the same", async () => {
  const told: string[] = [];
  const table = { break: { params: { parse: parseCode }, result: { parse: (value: unknown) => value } } };
  const declared = { break: { ...table.break, errors: ["NAME_TAKEN"] } };
  const handlers = {
    break: (code: ErrorCode) => {
      throw new AppError(code, "told to fail");
    },
  };
  const onUndeclared = ({ code }: AppError, method: string) => void told.push(`${method}: ${code}`);
  for (const methods of [declared, table]) {
    const bound = bindMethods(methods, handlers, { onUndeclared }).get("break");
    for (const code of ["NAME_TAKEN", "TIMEOUT", "NAME_INVALID"] as const) {
      await assert.rejects(bound?.call(code, context) ?? Promise.resolve(), (error) => AppError.is(error, code));
    }
    await assert.rejects(bound?.call("NONE", context) ?? Promise.resolve(), (error) => AppError.is(error, "USAGE"));
  }
  assert.deepEqual(told, ["break: NAME_INVALID"]);
});
