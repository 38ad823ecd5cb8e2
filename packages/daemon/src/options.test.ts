import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { parseOptions } from "./options.ts";

const NONE = { state: undefined, runtime: undefined, cache: undefined, httpPort: undefined, foreground: false };

test("without flags it runs in the background, with directories from the environment", () => {
  assert.deepEqual(parseOptions([]), { ...NONE, command: "run" });
});

test("every flag", () => {
  const argv = ["--state", "/s", "--runtime", "/r", "--cache=/c", "--http-port", "8080", "--foreground"];
  assert.deepEqual(parseOptions(argv), {
    ...{ command: "run", state: "/s", runtime: "/r", cache: "/c", httpPort: 8080, foreground: true },
  });
  assert.equal(parseOptions(["--check-migrations"]).command, "check-migrations");
  assert.equal(parseOptions(["--version"]).command, "version");
});

for (const argv of [
  ["--stat", "/s"],
  ["--state"],
  ["extra"],
  ["--foreground=yes"],
  ["--http-port", "0"],
  ["--http-port=x"],
]) {
  test(`refused before anything is touched, in one line: ${argv.join(" ")}`, () => {
    assert.throws(
      () => parseOptions(argv),
      (error) => AppError.is(error, "USAGE") && error.message.startsWith("bangerd: ") && !error.message.includes("\n"),
    );
  });
}
