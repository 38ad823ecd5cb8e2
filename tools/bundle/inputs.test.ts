import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { recordInputs, sameInputs } from "./inputs.ts";

const source = { version: "1.0.0", commit: "0123456789ab", agent: "1.0.0+abc", watched: [] };

async function makeBuild(context: TestContext) {
  const root = await mkdtemp(join(tmpdir(), "banger-inputs-"));
  context.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, "a.ts"), "one");
  await writeFile(join(root, "out.cjs"), "one");
  const recorded = await recordInputs(root, { files: ["a.ts"], source, outputs: ["out.cjs"] });
  return { root, recorded };
}

test("a file that was only touched is no change", async (context) => {
  const { root, recorded } = await makeBuild(context);
  await utimes(join(root, "a.ts"), new Date(), new Date());
  assert.equal(await sameInputs(root, { recorded, source }), true);
});

test("another text, commit, version or agent is a change, and so is a file that went away", async (context) => {
  const { root, recorded } = await makeBuild(context);
  assert.equal(await sameInputs(root, { recorded, source: { ...source, commit: "0123456789ab+" } }), false);
  assert.equal(await sameInputs(root, { recorded, source: { ...source, version: "1.0.1" } }), false);
  assert.equal(await sameInputs(root, { recorded, source: { ...source, agent: "1.0.0+abd" } }), false);
  await rm(join(root, "out.cjs"));
  assert.equal(await sameInputs(root, { recorded, source }), false);
  await writeFile(join(root, "out.cjs"), "one");
  await writeFile(join(root, "a.ts"), "two");
  assert.equal(await sameInputs(root, { recorded, source }), false);
  await rm(join(root, "a.ts"));
  assert.equal(await sameInputs(root, { recorded, source }), false);
});
