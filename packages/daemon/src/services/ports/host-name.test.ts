import assert from "node:assert/strict";
import { test } from "node:test";
import { NAME_PATTERN } from "@banger/contract/names";
import fc from "fast-check";
import { linkTo, parseHost } from "./host-name.ts";

test("names beneath localhost, and nothing else", () => {
  assert.deepEqual(parseHost("3000.web.localhost:7080"), { kind: "port", port: 3000, name: "web" });
  assert.deepEqual(parseHost("1.A-B.LOCALHOST"), { kind: "port", port: 1, name: "a-b" });
  assert.deepEqual(parseHost("web.localhost"), { kind: "machine", name: "web" });
  for (const host of ["localhost", "localhost:7080", "127.0.0.1:1", "[::1]:7080"]) {
    assert.deepEqual(parseHost(host), { kind: "page" });
  }
  const others = [
    ..."|.|:|localhost.|localhost:|localhost:0|localhost:99999|localhost:1:1|x.localhost.|.localhost".split("|"),
    ..."0.web.localhost|03.web.localhost|65536.web.localhost|+1.web.localhost|1e3.web.localhost| 1.web.localhost".split(
      "|",
    ),
    ..."3.-web.localhost|3.web-.localhost|a.3.web.localhost|3.web.localhost.com|3..localhost|3.web.localhost@x".split(
      "|",
    ),
    ..."example.org|notlocalhost|127.0.0.2|[::2]|::1|0.0.0.0|2130706433|web.localhost/x|\u212aelvin.localhost".split(
      "|",
    ),
  ];
  for (const host of others) assert.equal(parseHost(host), undefined, host);
});

test("every link is understood, whatever port it is reached by", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.stringMatching(NAME_PATTERN), port, port, (name, guest, gatewayPort) => {
      const { host } = new URL(linkTo({ name, port: guest, gatewayPort }));
      assert.deepEqual(parseHost(host), { kind: "port", name, port: guest });
    }),
  );
});

test("nothing makes it throw, and what it takes ends in a name of ours", () => {
  const part = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("localhost", "web", "3000", ".", ":", "[::1]", "127.0.0.1"),
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join("")),
      (host) => {
        const wanted = parseHost(host);
        if (wanted?.kind === "port" || wanted?.kind === "machine") assert.match(host, /\.localhost(?::\d+)?$/i);
      },
    ),
    { numRuns: 2_000 },
  );
});
