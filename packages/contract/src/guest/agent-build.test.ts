import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAgentBuild, parseAgentBuild, sameAgent } from "./agent-build.ts";

const NOW = "0.1.0+0123456789ab (ba9876543210+, built 2026-01-01T00:00:00Z)";

test("a build is taken apart and put together", () => {
  const parsed = { build: "0.1.0+0123456789ab", commit: "ba9876543210+", builtAt: "2026-01-01T00:00:00Z" };
  assert.deepEqual(parseAgentBuild(NOW), parsed);
  assert.equal(formatAgentBuild(parsed), NOW);
});

test("what an older agent says, or a guest that lies, stays as it is", () => {
  for (const text of ["0.1.0+0123456789ab", "a b c", "x (y)", "x (y, built z) and more"]) {
    assert.deepEqual(parseAgentBuild(text), { build: text, commit: "unknown", builtAt: "unknown" });
    assert.equal(formatAgentBuild(parseAgentBuild(text)), text);
  }
});

test("the commit makes no other agent, the sources and the version do; nothing is no other one", () => {
  const now = parseAgentBuild(NOW);
  assert.ok(sameAgent(now, parseAgentBuild("0.1.0+0123456789ab (abababababab, built 2026-02-02T00:00:00Z)")));
  assert.ok(sameAgent(now, parseAgentBuild("")));
  assert.ok(!sameAgent(now, parseAgentBuild("0.1.1+0123456789ab")));
  assert.ok(!sameAgent(now, parseAgentBuild("0.1.0+0123456789ac")));
});
