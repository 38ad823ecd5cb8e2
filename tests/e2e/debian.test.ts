/** The default image: Debian with systemd, booted once. */
import assert from "node:assert/strict";
import { configure } from "@banger/daemon/services/guest/configure";
import { withAgent } from "../harness/agent-channel.ts";
import { makeHostKey } from "../harness/host-key.ts";
import { hostileAgent } from "../harness/hostile-agent.ts";
import { openHome } from "../harness/scenarios.ts";
import { atTerminal, ENDED, resize } from "../harness/terminal.ts";

const { home, scenario } = await openHome({ images: ["debian-bookworm", "minimal"] });

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

scenario("Docker runs a container, under the profile that the kernel asks for", async () => {
  const files = "bin/dash lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6";
  const box = "docker run --rm --network none box /bin/dash -c 'read -r line </proc/self/attr/current; echo $line'";
  const said = await inDebian(`tar -C / -ch ${files} | docker import - box >/dev/null && ${box}`);
  assert.equal(said, "docker-default (enforce)\n");
});

scenario("a host key that the host made is the machine's: sshd takes it, starts, and proves itself by it", async () => {
  const key = makeHostKey();
  const applied = await withAgent(home, "debian", (agent) => configure(agent, { hostKeys: [key] }, {}));
  assert.deepEqual(applied.map(String), ["host-keys"]);
  const path = `/etc/ssh/${key.file}`;
  assert.equal(
    await inDebian(`stat -c '%a %U' ${path} ${path}.pub; cat ${path}.pub; ssh-keygen -lf ${path} | cut -d' ' -f2`),
    `600 root\n644 root\n${key.public}${key.fingerprint}\n`,
  );
  const scan = "ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | cut -d' ' -f2-";
  const whenUp = `for n in $(seq 60); do said=$(${scan}); [ -n "$said" ] && break; sleep 0.5; done; echo "$said"`;
  assert.equal(await inDebian(whenUp), key.public);
  const [takes, where] = (
    await inDebian("/usr/sbin/sshd -t && echo yes; /usr/sbin/sshd -T | grep '^hostkey .*ed25519'")
  ).split("\n");
  assert.deepEqual([takes, where], ["yes", `hostkey ${path}`]);
});

scenario(
  "a full-screen editor is drawn, follows the terminal's size, saves, and leaves the terminal as it was",
  async () => {
    await using editor = await atTerminal(home, ["exec", "-it", "debian", "vi", "/root/poem"], {
      rows: 30,
      columns: 90,
    });
    await editor.shows("\x1b[?1049h");
    await editor.shows('poem" [New File]');
    editor.stdin.write("iroses are red\x1b:set lines? columns?\r");
    await editor.shows(/lines=30[\s\S]*columns=90/);
    await resize(editor, { rows: 40, columns: 70 });
    // Keys and sizes go different ways: what is typed at once may be first.
    const size = () => inDebian('stty -F "/proc/$(pgrep -x vi)/fd/0" size');
    await home.until("the editor's size", size, (now) => now === "40 70\n");
    editor.stdin.write("\r:set lines? columns?\r");
    await editor.shows(/lines=40[\s\S]*columns=70/);
    editor.stdin.write("\r:wq\r");
    const [, status, how] = await editor.shows(ENDED);
    assert.deepEqual([status, how], ["0", "mended"]);
    await editor.shows("\x1b[?1049l");
    assert.equal(await inDebian("cat /root/poem"), "roses are red\n");
  },
);

scenario(
  "a program that redraws by itself does so at the terminal's size, then at its new size, until it is left",
  async () => {
    await using top = await atTerminal(home, ["exec", "-it", "debian", "top", "-d", "0.5"], { rows: 12, columns: 90 });
    for (const size of [
      { rows: 12, columns: 90 },
      { rows: 20, columns: 110 },
    ]) {
      await resize(top, size);
      await top.shows(new RegExp(`\x1b\\[7m(?= *PID USER)[^\x1b]{${size.columns}}\x1b`));
      // Two screens of so many lines, one after the other: it goes home to the first line for each.
      const line = "(?:(?!\x1b\\[H)[^\r\n])*";
      const screen = `\x1b\\[H(?:${line}\r\n){${size.rows - 1}}${line}`;
      await top.shows(new RegExp(`${screen}${screen}\x1b\\[H`));
    }
    top.stdin.write("q");
    assert.deepEqual((await top.shows(ENDED)).slice(1), ["0", "mended"]);
  },
);

scenario("a pager shows a page, the end, and gives the shell back", async () => {
  const login = ["exec", "-it", "debian", "bash", "-l"];
  await using shell = await atTerminal(home, login, { rows: 10 });
  await shell.shows(/# $/);
  shell.stdin.write("seq 100 | less\r");
  await shell.shows(/9\r\n[\s\S]*:/);
  shell.stdin.write("G");
  await shell.shows(/100\r\n[\s\S]*\(END\)/);
  shell.stdin.write("qexit\r");
  await shell.shows(ENDED);
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

scenario(
  "a root who takes the agent's place is shown as cut off, and costs neither the daemon nor another machine",
  async () => {
    await home.ok(["start", "-q", "debian"]);
    await home.ok(["run", "-dq", "--name", "other", "--image", "minimal"]);
    const residentBytes = async () => Number(Object(await home.json(["daemon", "status"])).residentBytes);
    const before = await residentBytes();
    await using taken = home.start(["exec", "-i", "debian", "python3", "-"], { stdin: hostileAgent });
    await taken.shows("here\n");
    type View = { state: string; lastError: { code: string } | null };
    const show = async () => Object(await home.json(["show", "debian"])) as View;
    const missed = async () => {
      await home.run(["stats", "--no-stream", "debian"]);
      return await show();
    };
    // Whichever comes first: nothing that it says is an answer, and it does not keep to the protocol.
    const codes = ["GUEST_SILENT", "GUEST_PROTOCOL"];
    await home.until("it to be missed", missed, ({ lastError }) => codes.includes(lastError?.code ?? ""));
    for (let i = 0; i < 5; i += 1) assert.equal(await home.ok(["exec", "other", "echo", "fine"]), "fine\n");
    assert.match(await home.ok(["list"]), /^debian .* running, cut off /m);
    const grownBytes = (await residentBytes()) - before;
    assert.ok(grownBytes < 150e6, `the daemon has grown by ${grownBytes} bytes`);
    await home.stopDaemon();
    assert.match(await home.ok(["list"]), /^debian .* running/m);
    assert.equal(await home.ok(["exec", "other", "echo", "fine"]), "fine\n");
    assert.equal(await home.ok(["delete", "debian", "other"]), "debian\nother\n");
    assert.equal((await taken.ended).status, 125);
  },
);
