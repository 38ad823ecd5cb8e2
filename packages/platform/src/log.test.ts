import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { createLogger, ndjsonSink } from "./log.ts";
import { createFakeLogger } from "./log-fake.ts";

test("log: one JSON object a line, with what the parents bound", () => {
  const lines: string[] = [];
  const logger = createLogger(ndjsonSink((line) => lines.push(line), { now: () => 0 }));
  logger.child({ op: "abc" }).child({ vm: "demo" }).info("vm.started", { ms: 12 });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ time: "1970-01-01T00:00:00.000Z", level: "info", event: "vm.started", op: "abc", vm: "demo", ms: 12 }],
  );
  assert.ok(lines[0]?.endsWith("}\n"));
});

test("log: values of telling keys never get out, however deep", () => {
  const { logger, lines } = createFakeLogger();
  logger.warn("x", {
    env: { PATH: "hidden" },
    request: { apiToken: "hidden", list: [{ PASSWORD: "hidden" }], privateKey: "hidden", name: "shown" },
    error: new AppError("INTERNAL", "bad", { facts: { secretName: "hidden" }, cause: new Error("why") }),
    bytes: Buffer.from("hidden"),
    big: 5n,
  });
  const text = JSON.stringify(lines);
  assert.ok(!text.includes("hidden"), text);
  assert.ok(text.includes("shown") && text.includes("why") && text.includes("INTERNAL"));
});

test("log: what refers to itself does not hang", () => {
  const { logger, lines } = createFakeLogger();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  logger.debug("x", loop);
  assert.equal(lines.length, 1);
});
