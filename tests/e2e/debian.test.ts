/** The default image: Debian with systemd, booted once. */
import assert from "node:assert/strict";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["debian-bookworm"] });

async function inDebian(script: string): Promise<string> {
  return await home.ok(["exec", "debian", "sh", "-c", script], { deadlineMs: 240_000 });
}

scenario("run -- cat /etc/os-release prints Debian's, and is answered before systemd has finished", async () => {
  const early = 'cat /etc/os-release; [ "$(systemctl is-system-running 2>/dev/null)" = running ] || echo early';
  const ran = await home.run(["run", "--name", "debian", "--", "sh", "-c", early]);
  assert.match(ran.stdout, /^PRETTY_NAME="Debian GNU\/Linux 12 \(bookworm\)"\n(?:.*\n)*early\n$/);
  assert.match(ran.stderr, /^banger: debian is ready in/m);
  assert.equal(ran.status, 0);
});

scenario("systemd comes up whole: running, with nothing failed", async () => {
  const whenUp = 'until state=$(systemctl is-system-running --wait 2>/dev/null); [ -n "$state" ]; do sleep 0.2; done';
  assert.equal(await inDebian(`${whenUp}; echo $state; systemctl --failed --plain --no-legend`), "running\n");
});

scenario("it has its name, its own machine-id, a work disk for a home, and the tools that were promised", async () => {
  assert.equal(
    await inDebian("hostname; findmnt -no SOURCE /root; findmnt -no SOURCE /"),
    "debian\n/dev/vdb\n/dev/vda\n",
  );
  assert.match(await inDebian("cat /etc/machine-id"), /^[0-9a-f]{32}\n$/);
  const tools = "sshd git curl jq sudo less gcc make python3 ip modprobe ps dockerd";
  assert.equal(
    await inDebian(`PATH=$PATH:/usr/sbin; for t in ${tools}; do command -v $t >/dev/null || echo no $t; done`),
    "",
  );
});

scenario("the kernel's modules are there, and load: nftables and WireGuard work", async () => {
  const [mount] = (await inDebian("findmnt -no SOURCE,OPTIONS /lib/modules")).split("\n");
  assert.match(mount ?? "", /^\/dev\/vdc +ro/);
  await inDebian(
    "modprobe -a nf_tables wireguard && grep -q ^nf_tables /proc/modules && grep -q ^wireguard /proc/modules",
  );
  assert.match(await inDebian("ip link add wg0 type wireguard && ip -d link show wg0"), /wireguard/);
});

scenario("poweroff inside ends the machine in seconds, as stopped and without an error", async () => {
  await home.run(["exec", "debian", "poweroff"]);
  const show = async () => Object(await home.json(["show", "debian"])) as { state: string; lastError: unknown };
  const { state, lastError } = await home.until(
    "the end",
    show,
    ({ state }) => state === "stopped" || state === "failed",
  );
  assert.deepEqual({ state, lastError }, { state: "stopped", lastError: null });
});
