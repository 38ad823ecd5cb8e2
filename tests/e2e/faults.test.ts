/** What goes wrong is told in a line, with a hint and an exit status, and the host is as it was before. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { Command } from "../harness/command.ts";
import { Home, product } from "../harness/home.ts";
import { cannotMount, restartWithQemu, unshare } from "../harness/other-qemu.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

/** Fails with this status and message, in lines of ours alone, and changes nothing. */
async function refused(argv: readonly string[], { status, says }: { status: number; says: RegExp }): Promise<void> {
  const ran = await home.unchangedBy(() => home.run(argv));
  const told = `banger ${argv.join(" ")}: status ${ran.status}, ${ran.stderr}`;
  assert.deepEqual([ran.status, ran.stdout], [status, ""], told);
  const said = ran.stderr.split("\n").filter((line) => !/^banger: (?:prepare|boot|configure)$/.test(line));
  assert.match(said[0] ?? "", says, told);
  assert.match(said[1] ?? "", /^hint: \S/, told);
  assert.doesNotMatch(ran.stderr, /^ {4}at |node:internal/m, told);
  assert.deepEqual(await home.json(["list"]), { machines: [] });
}

scenario("flags and names that are wrong are refused with status 2, and the right ones are suggested", async () => {
  const usage: readonly (readonly [string[], RegExp])[] = [
    [["create", "--memory", "1M"], /--memory 1M is 1 MiB, it must be from 128 to/],
    [["create", "--memory", "lots"], /lots/],
    [["create", "--vcpu", "0"], /--vcpu/],
    [["create", "--vcpu", "two"], /--vcpu/],
    [["create", "--disk", "99999999G"], /--disk/],
    [["create", "--name", "Not_A_Name"], /"Not_A_Name" holds "N"/],
    [["create", "--nmae", "x"], /--nmae/],
    [["create", "--env", "1=2"], /--env "1"/],
    [["crate"], /crate/],
    [["image", "biuld"], /biuld/],
    [["exec", "box"], /exec/],
    [["stop", "--time", "soon", "box"], /--time/],
    [["logs"], /logs/],
  ];
  for (const [argv, says] of usage) {
    const ofCommand = argv[0] === "exec";
    await refused(argv, { status: ofCommand ? 125 : 2, says });
  }
  for (const [wrong, right] of [
    [["crate"], "create"],
    [["create", "--nmae", "x"], "--name"],
  ] as const) {
    assert.match((await home.run(wrong)).stderr, new RegExp(`hint: .*${right}`));
  }
});

scenario("what is not there is status 4, and 125 where a command's status is awaited", async () => {
  for (const argv of [
    ["show", "nobody"],
    ["start", "nobody"],
    ["delete", "nobody"],
    ["logs", "nobody"],
  ]) {
    await refused(argv, { status: 4, says: /there is no machine "nobody"/ });
  }
  await refused(["create", "--image", "no-such-image"], { status: 4, says: /no-such-image/ });
  await refused(["create", "--image", "minimal", "--kernel", "no-such-kernel"], { status: 4, says: /no-such-kernel/ });
  await refused(["run", "--image", "no-such-image", "--", "true"], { status: 125, says: /no-such-image/ });
});

scenario("another data directory at the same socket is refused, and nothing is made in it", async () => {
  const other = join(home.directory, "other");
  const env = { XDG_DATA_HOME: other };
  for (const argv of [["list"], ["create", "--image", "minimal"], ["daemon", "stop"]]) {
    const ran = await home.unchangedBy(() => home.run(argv, { env }));
    assert.deepEqual([ran.status, ran.stdout], [3, ""], argv.join(" "));
    assert.match(
      ran.stderr,
      /^banger: the daemon at .*\.sock keeps its machines in .*, not in .*\nhint: Set XDG_RUNTIME_DIR/,
    );
    assert.ok(ran.stderr.includes(`in ${home.state}, not in ${join(other, "banger")}`));
  }
});

scenario("more memory than the host has is refused before anything is made", async () => {
  const says = /a machine with 1048576 MiB of memory does not fit on a host with \d+ MiB/;
  await refused(["create", "--start", "--image", "minimal", "--memory", "1048576"], { status: 3, says });
});

scenario("a damaged image or kernel is named, and nothing is made of it", async () => {
  for (const [folder, file] of [
    ["images", "root.ext4"],
    ["kernels", "vmlinuz"],
  ] as const) {
    const [id = ""] = await readdir(join(home.state, folder));
    const path = join(home.state, folder, id, file);
    const spare = join(home.directory, "spare");
    await rename(path, spare); // other homes share its inode
    await writeFile(path, Buffer.alloc(4096));
    await refused(["create", "--start", "--image", "minimal"], {
      status: 3,
      says: new RegExp(`(?=.*${id})(?=.*has 4096 bytes instead of).*${file}`),
    });
    await rename(spare, path);
  }
  assert.equal(await home.ok(["run", "--rm", "-q", "--image", "minimal", "--", "echo", "mended"]), "mended\n");
});

scenario(
  "a kernel or initramfs of the right size that was damaged is named, long before the guest's deadline",
  async () => {
    const [id = ""] = await readdir(join(home.state, "kernels"));
    const kernel = join(home.state, "kernels", id, "vmlinuz");
    const create = ["create", "--start", "--image", "minimal"];
    const spare = join(home.directory, "spare");
    await rename(kernel, spare); // other homes share its inode
    await writeFile(kernel, await flipped(spare, { from: 0.5 }));
    const slow = await home.run(create);
    assert.deepEqual([slow.status, slow.stdout], [3, ""], slow.stderr);
    const waited = /^banger: boot: waited \d+ s of 180 s for the guest, whose console /m;
    const told = new RegExp(
      `^banger: vmlinuz of kernel ${id} is not what was pulled\nhint: Delete the kernel and pull it again`,
      "m",
    );
    for (const says of [waited, told]) assert.match(slow.stderr, says);
    await rename(spare, kernel);
    const [initramfs = ""] = await readdir(join(home.state, "initramfs"));
    const path = join(home.state, "initramfs", initramfs);
    const content = await flipped(path, { from: 0 });
    await rm(path);
    await writeFile(path, content);
    await refused(create, {
      status: 3,
      says: new RegExp(`the initramfs .*${initramfs} of kernel ${id} is not what was made`),
    });
    assert.equal(await home.ok(["run", "--rm", "-q", "--image", "minimal", "--", "echo", "mended"]), "mended\n");
  },
);

scenario("an initramfs that can not mount its root gives whoever asked for it a shell on the console", async () => {
  const [kernel = ""] = await readdir(join(home.state, "kernels"));
  const [initramfs = ""] = await readdir(join(home.state, "initramfs"));
  const root = join(home.directory, "no-root");
  await writeFile(root, Buffer.alloc(1 << 20));
  const argv = [
    ...[
      "qemu-system-x86_64",
      "-M",
      "microvm,acpi=on,pit=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off",
      "-m",
      "256M",
    ],
    ...["-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
    ...["-kernel", join(home.state, "kernels", kernel, "vmlinuz"), "-initrd", join(home.state, "initramfs", initramfs)],
    ...["-append", "console=ttyS0 quiet panic=-1 reboot=t root=/dev/vda rootfstype=ext4 banger.debug"],
    ...["-drive", `file=${root},format=raw,if=none,id=root`, "-device", "virtio-blk-device,drive=root"],
  ];
  await using vmm = new Command(argv, { env: process.env, stdin: "pipe" });
  await vmm.shows("cannot mount the root disk /dev/vda as ext4");
  await vmm.shows("banger# ");
  vmm.stdin.write("cat /proc/cmdline\n");
  await vmm.shows(/^console=ttyS0 .*banger\.debug/m);
  vmm.stdin.write("poweroff\n");
  assert.equal((await vmm.ended).status, 0);
  await rm(root);
});

/** The file with 4 KiB of it inverted. */
async function flipped(path: string, { from }: { from: number }): Promise<Buffer> {
  const content = await readFile(path);
  const at = Math.floor(content.length * from);
  for (let n = at; n < at + 4096; n++) content[n] = ~(content[n] ?? 0) & 0xff;
  return content;
}

scenario(
  "a VMM that hangs is told to whoever asks its guest, disturbs no other machine, and can be stopped and deleted",
  async () => {
    const before = await home.traces();
    await home.ok(["create", "-q", "--start", "--name", "hung", "--image", "minimal"]);
    await home.freezeVmm("hung");
    await using asked = home.start(["exec", "hung", "true"]);
    assert.match(await home.ok(["list"]), /^hung .* running /m);
    await panics(); // beside it, while the deadline of the exec passes
    await using paused = home.start(["pause", "hung"]);
    const { status, stdout, stderr } = await asked.ended;
    assert.deepEqual([status, stdout], [125, ""], stderr);
    assert.match(
      stderr,
      /^banger: the guest's agent did not answer EXEC of \w+ within 30000 ms\nhint: .*`banger delete` need no answer/,
    );
    const held = await paused.ended;
    assert.deepEqual([held.status, held.stdout], [6, ""], held.stderr);
    assert.match(
      held.stderr,
      /^banger: hung can not be paused: its VMM did not answer within 10000 ms\nhint: .*`banger delete` end it without an answer\.\n$/,
    );
    const said = Object(await home.json(["show", "hung"])) as { state: string; lastError: { code: string } };
    assert.deepEqual([said.state, said.lastError.code], ["running", "VMM_SILENT"]);
    await home.ok(["stop", "-q", "--time", "1", "hung"]);
    assert.equal((Object(await home.json(["show", "hung"])) as { state: string }).state, "stopped");
    await home.ok(["start", "-q", "hung"]);
    assert.equal(await home.ok(["exec", "hung", "hostname"]), "hung\n");
    await home.freezeVmm("hung");
    await home.ok(["delete", "-q", "hung"]);
    assert.deepEqual(await home.traces(), before);
  },
);

/** A kernel that panics while a machine runs: told to whoever waits, kept for inspection. */
async function panics(): Promise<void> {
  await home.ok(["run", "-dq", "--name", "box", "--image", "minimal"]);
  const ran = await home.run(["exec", "box", "sh", "-c", "echo c >/proc/sysrq-trigger; sleep 60"]);
  assert.equal(ran.status, 125);
  assert.match(ran.stderr, /^banger: .*\nhint: .*\n$/);
  const show = async () => Object(await home.json(["show", "box"])) as { state: string; lastError: unknown };
  const { state, lastError } = await home.until(
    "the end",
    show,
    ({ state }) => state === "stopped" || state === "failed",
  );
  assert.equal(state, "failed");
  assert.match(JSON.stringify(lastError), /GUEST_PANICKED.*sysrq triggered crash/);
  assert.match(await home.ok(["logs", "box"]), /Kernel panic - not syncing: sysrq triggered crash/);
  await home.ok(["start", "-q", "box"]);
  assert.equal(await home.ok(["exec", "box", "hostname"]), "box\n");
  await home.ok(["delete", "box"]);
}

scenario(
  "a QEMU that is missing is a prerequisite, one that dies at start is quoted; both leave nothing",
  async (t) => {
    const cannot = await cannotMount(home);
    if (cannot !== undefined) return cannotBeTested(t, cannot);
    const create = ["create", "--start", "--image", "minimal"];
    await restartWithQemu(home, undefined);
    await refused(create, { status: 3, says: /qemu-system-x86_64/ });
    const dying = '[ "$1" != --version ] || exec "$REAL" --version; echo no such machine type >&2; exit 3';
    await restartWithQemu(home, dying);
    await refused(create, { status: 3, says: /status 3.*no such machine type/ });
  },
);

scenario("no space: a kernel that does not fit is refused, and nothing is left of it", async (t) => {
  const cannot = await cannotMount(home);
  if (cannot !== undefined) return cannotBeTested(t, cannot);
  const small = await Home.make();
  const script = 'mount -t tmpfs -o size=48m,mode=700 none "$XDG_DATA_HOME" && exec "$0" "$@"';
  try {
    await small.ok(["daemon", "start"], { product: [...unshare(), "sh", "-c", script, ...product] });
    const ran = await small.run(["kernel", "pull", "debian"]);
    assert.deepEqual([ran.status, ran.stdout], [3, ""], ran.stderr);
    assert.match(ran.stderr, /^banger: .*(?:space|MiB free).*\nhint: Free some space/m);
    assert.deepEqual(await small.json(["kernel", "list"]), { kernels: [] });
  } finally {
    await small.close();
  }
});

scenario(
  "a state that has become read-only is told in one line, by a daemon that runs and of one that starts",
  async (t) => {
    const cannot = await cannotMount(home);
    if (cannot !== undefined) return cannotBeTested(t, cannot);
    const shut = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"';
    const inside = [...unshare(), "sh", "-c"];
    const status3 = { status: 3, says: / can not be written: its file system is read-only$/ };
    await home.stopDaemon();
    await home.ok(["daemon", "start"], { product: [...inside, 'exec "$0" "$@"', ...product] });
    const { pid } = await home.daemon();
    const mounts = await Promise.all(["self", pid].map((each) => readlink(`/proc/${each}/ns/mnt`)));
    assert.equal(new Set(mounts).size, 2, "the daemon sees the host's mounts");
    // After it has opened what it holds open, as a disk that fails does it.
    const enter = [
      "nsenter",
      "-t",
      String(pid),
      ...(process.getuid?.() === 0 ? ["-m"] : ["-U", "-m", "--preserve-credentials"]),
    ];
    const mounted = await new Command([...enter, "sh", "-c", shut, home.state], { env: home.env }).ended;
    assert.equal(mounted.status, 0, mounted.stderr);
    await refused(["create", "--image", "minimal"], status3);
    await refused(["image", "delete", "minimal"], status3);
    await home.stopDaemon();
    const starting = [...inside, `${shut} && exec "$@"`, home.state, ...product];
    for (let i = 0; i < 2; i += 1) {
      const ran = await home.unchangedBy(() => home.run(["list"], { product: starting }));
      assert.deepEqual([ran.status, ran.stdout], [3, ""], ran.stderr);
      assert.match(ran.stderr, /^banger: .*bangerd\.log can not be written: its file system is read-only\nhint: .*\n$/);
    }
    assert.deepEqual(await home.json(["list"]), { machines: [] });
  },
);

scenario("a directory that others may enter, and a HOME that is none, are refused", async () => {
  const open = await Home.make();
  try {
    await mkdir(join(open.directory, "run/banger"), { mode: 0o755 });
    const ran = await open.run(["list"]);
    assert.deepEqual([ran.status, ran.stdout], [3, ""]);
    assert.match(ran.stderr, /run\/banger/);
    const homeless = await open.run(["list"], { env: { HOME: "", XDG_DATA_HOME: "" } });
    assert.equal(homeless.status, 2, homeless.stderr);
    assert.equal(await readFile(join(open.directory, "data/banger/bangerd.log"), "utf8").catch(() => "none"), "none");
  } finally {
    await rm(open.directory, { recursive: true });
  }
});
