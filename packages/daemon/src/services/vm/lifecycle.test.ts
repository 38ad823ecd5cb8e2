import assert from "node:assert/strict";
import { test } from "node:test";
import { VmState } from "@banger/contract/daemon/vm";
import fc from "fast-check";
import { admit, due, policy, type VmRequest } from "./lifecycle.ts";

const REQUESTS: readonly VmRequest[] = ["start", "stop", "kill", "restart", "delete", "pause", "resume", "reset"];
/** what has a start at its end */
const STARTS: ReadonlySet<VmRequest | undefined> = new Set(["start", "restart", "reset"]);
const ENDS: ReadonlySet<VmRequest | undefined> = new Set(["stop", "kill", "delete"]);
const anyState = fc.constantFrom(...VmState.options);
const anyRequest = fc.constantFrom(...REQUESTS);
const anyCurrent = fc.constantFrom(undefined, ...REQUESTS);

test("the whole table, as people are promised it", () => {
  const rows = VmState.options.map((state) => [state, ...REQUESTS.map((request) => policy[state][request].do)]);
  assert.deepEqual(rows, [
    ["stopped", "run", "nothing", "nothing", "run", "run", "deny", "deny", "run"],
    ["starting", "join", "interrupt", "interrupt", "join", "interrupt", "deny", "deny", "deny"],
    ["running", "nothing", "run", "run", "run", "run", "run", "nothing", "run"],
    ["paused", "deny", "run", "run", "run", "run", "nothing", "run", "run"],
    ["stopping", "deny", "join", "join", "deny", "run", "deny", "deny", "deny"],
    ["failed", "run", "run", "run", "run", "run", "deny", "deny", "run"],
  ]);
});

test("asking twice is never an error: what is under way is joined", () => {
  fc.assert(
    fc.property(anyState, anyRequest, (state, request) => {
      assert.deepEqual(admit(state, request, request), { do: "join" });
    }),
  );
});

test("a delete is never refused, and never interrupted", () => {
  fc.assert(
    fc.property(anyState, anyRequest, anyCurrent, (state, request, current) => {
      assert.notEqual(admit(state, "delete", current).do, "deny");
      assert.notEqual(admit(state, request, "delete").do, "interrupt");
    }),
  );
});

test("only what leads to a start is interrupted, and only what is there is joined", () => {
  fc.assert(
    fc.property(anyState, anyRequest, anyCurrent, (state, request, current) => {
      const verdict = admit(state, request, current).do;
      if (verdict === "interrupt") assert.ok(STARTS.has(current));
      if (verdict === "join") assert.notEqual(current, undefined);
    }),
  );
});

test("what ends a machine is never refused, and nothing starts what somebody has asked to end", () => {
  fc.assert(
    fc.property(anyState, anyRequest, anyCurrent, (state, request, current) => {
      const verdict = admit(state, request, current);
      if (ENDS.has(request)) assert.notEqual(verdict.do, "deny");
      if (STARTS.has(request) && ENDS.has(current)) assert.deepEqual(verdict, { do: "deny", because: "busy" });
    }),
  );
});

test("in its turn a request is done, was done already, or is nothing for that state: it never waits again", () => {
  fc.assert(
    fc.property(anyState, anyRequest, (state, request) => {
      const verdict = due(state, request);
      assert.ok(verdict.do === "run" || verdict.do === "nothing" || verdict.do === "deny");
      if (verdict.do === "deny") assert.equal(verdict.because, "state");
    }),
  );
});
