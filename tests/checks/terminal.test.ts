/** What the set-up does only where it has a terminal, or may not write; script(1) is the terminal. */
import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Checkout, run } from "./checkout-fixture.ts";

test("with a terminal and sudo the packages are installed, after saying which and why", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "missing" });
  await checkout.aptGet();
  await checkout.program("sudo", 'echo sudo >>"$LOG"; exec "$@"');
  const command = `"${join(checkout.root, "banger")}" list`;
  const env = { ...checkout.env(), SHELL: "/bin/sh" };
  const { status, stdout } = await run("/usr/bin/script", ["-qec", command, "/dev/null"], { env });
  assert.equal(status, 0, stdout);
  assert.match(
    stdout,
    /qemu-system-x86: runs the machines\r\n.*installing them with sudo: apt-get install -y .*<list>$/s,
  );
  const [sudo, update, install] = await checkout.log();
  assert.deepEqual([sudo, update], ["sudo", "apt-get update"]);
  assert.match(install ?? "", /^apt-get install -y --no-install-recommends qemu-system-x86 /);
});

test("one who may not write is told the owner, in one line", async () => {
  await using checkout = await Checkout.make({ uid: 65534, packages: "there" });
  await chmod(checkout.root, 0o555);
  const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", join(checkout.root, "banger"), "list"];
  const started =
    process.getuid?.() === 0
      ? await run("/usr/bin/setpriv", asNobody, { env: checkout.env() })
      : await checkout.start(["list"]);
  await chmod(checkout.root, 0o755);
  assert.deepEqual([started.status, started.stdout], [3, ""]);
  assert.match(
    started.stderr,
    /^banger: .* must be set up again, but somebody cannot write to .* \(it belongs to \S+, or .*\)\.\n$/,
  );
});
