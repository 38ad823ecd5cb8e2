import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { requireBuildTools } from "./build-tools.ts";
import { namespacePrefix, requireNamespaces } from "./namespace.ts";

const signal = new AbortController().signal;
const root = { uid: 0, userName: "root" };
const user = { uid: 1000, userName: "ada" };

function refusing(stderr: string): FakeExec {
  return new FakeExec().program("setpriv", () => ({ exitCode: 1, stderr }));
}

test("an ordinary user gets a user namespace, root does not, both get no network", () => {
  assert.ok(namespacePrefix(user).includes("--map-auto"));
  assert.ok(!namespacePrefix(root).includes("--user"));
  for (const builder of [root, user]) assert.ok(namespacePrefix(builder).includes("--net"));
});

test("what a host lacks is named with the command that mends it", async () => {
  const cases = [
    ["unshare: failed to execute newuidmap: No such file or directory", "newuidmap is not installed", /install uidmap/],
    [
      'unshare: no line matching user "ada" in /etc/subuid: Success',
      "user ada has no subordinate ids",
      /usermod .* ada/,
    ],
    ["unshare: unshare failed: Operation not permitted", "user ada may not make a user namespace", /sysctl/],
  ] as const;
  for (const [said, message, hint] of cases) {
    await assert.rejects(requireNamespaces(refusing(said), user, { signal }), (error: Error & { hint?: string }) => {
      assert.match(error.message, new RegExp(message));
      assert.match(error.hint ?? "", hint);
      return "code" in error && error.code === "PREREQUISITE_MISSING";
    });
  }
  const said = "unshare: unshare failed: Operation not permitted";
  await assert.rejects(requireNamespaces(refusing(said), root, { signal }), {
    message: "this root may not make mount, process and network namespaces",
  });
});

test("all missing programs are named at once", async () => {
  await assert.rejects(requireBuildTools(new FakeExec(), user, { signal }), {
    code: "PREREQUISITE_MISSING",
    message: "mmdebstrap and e2fsprogs can not be found on this host",
    hint: "Run `sudo apt-get install mmdebstrap e2fsprogs uidmap`.",
  });
});

test("the versions of the tools are told", async () => {
  const exec = new FakeExec()
    .program("setpriv", () => ({}))
    .program("mmdebstrap", () => ({ stdout: "mmdebstrap 1.3.5\n" }))
    .program("mke2fs", () => ({ stderr: "mke2fs 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0\n" }));
  assert.deepEqual(await requireBuildTools(exec, root, { signal }), { mmdebstrap: "1.3.5", mke2fs: "1.47.0" });
});
