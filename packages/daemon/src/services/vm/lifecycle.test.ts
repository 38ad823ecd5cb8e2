import assert from "node:assert/strict";
import { test } from "node:test";
import { VmState } from "@banger/contract/daemon/vm";
import fc from "fast-check";
import { admit, due, policy, type VmRequest } from "./lifecycle.ts";

const REQUESTS: readonly VmRequest[] = ["start", "stop", "kill", "restart", "delete"];
/** what has a start at its end */
const STARTS: ReadonlySet<VmRequest | undefined> = new Set(["start", "restart"]);
const anyState = fc.constantFrom(...VmState.options);
const anyRequest = fc.constantFrom(...REQUESTS);
const anyCurrent = fc.constantFrom(undefined, ...REQUESTS);

test("the whole table, as people are promised it", () => {
  const rows = VmState.options.map((state) => [state, ...REQUESTS.map((request) => policy[state][request].do)]);
  assert.deepEqual(rows, [
    ["stopped", "run", "nothing", "nothing", "run", "run"],
    ["starting", "join", "interrupt", "interrupt", "join", "interrupt"],
    ["running", "nothing", "run", "run", "run", "run"],
    ["stopping", "deny", "join", "join", "deny", "run"],
    ["failed", "run", "run", "run", "run", "run"],
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

test("nothing is refused but starts of what somebody has asked to stop or delete", () => {
  fc.assert(
    fc.property(anyState, anyRequest, anyCurrent, (state, request, current) => {
      const refused = admit(state, request, current).do === "deny";
      assert.equal(refused, STARTS.has(request) && current !== undefined && !STARTS.has(current));
    }),
  );
});

test("in its turn a request is done or was done already, whatever was queued before it", () => {
  fc.assert(
    fc.property(anyState, anyRequest, (state, request) => {
      const verdict = due(state, request).do;
      assert.equal(verdict, policy[state][request].do === "nothing" ? "nothing" : "run");
    }),
  );
});
