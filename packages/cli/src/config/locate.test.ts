import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { locateKeys } from "./locate.ts";

test("keys are found wherever TOML lets them stand", () => {
  const text = [
    "# a comment",
    "a = [",
    "  1, # b = 2",
    "]",
    '"b c" = """',
    "d = 1",
    '"""',
    "[t]",
    '  e = { f = "f", g = 1 }\r',
    "[t.u]",
    "h.i = 1979-05-27",
  ].join("\n");
  assert.deepEqual(Object.fromEntries([...locateKeys(text)].map(([key, at]) => [key, `${at.line}:${at.column}`])), {
    ...{ a: "2:1", "b c": "5:2", t: "8:2", "t.e": "9:3", "t.u": "10:4" },
  });
});

test("every key of every valid text is found, in a line that has it", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
  const table = fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value, { maxKeys: 3 })), { maxKeys: 5 });
  fc.assert(
    fc.property(table, (settings) => {
      const text = stringify(settings);
      const positions = locateKeys(text);
      for (const [key, inner] of Object.entries(settings)) {
        const entries = typeof inner === "object" && !Array.isArray(inner) ? Object.keys(inner) : [];
        for (const path of [key, ...entries.map((entry) => `${key}.${entry}`)]) {
          const at = positions.get(path);
          const word = path.split(".").at(-1) ?? "";
          const line = text.split("\n")[(at?.line ?? 0) - 1] ?? "";
          assert.ok(line.startsWith(word, (at?.column ?? 0) - 1), `${path} in\n${text}`);
        }
      }
    }),
  );
});
