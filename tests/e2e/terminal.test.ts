/** Working in a machine at a terminal: shells, keys, job control, leaving and coming back, and ends that nobody planned. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, readlink } from "node:fs/promises";
import { product } from "../harness/home.ts";
import { openHome } from "../harness/scenarios.ts";
import { atTerminal, ENDED, resize } from "../harness/terminal.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

/** Processes in the machine with this word in their command line. */
async function inGuest(word: string): Promise<string[]> {
  const { stdout } = await home.run(["exec", "box", "pgrep", "-f", word]);
  return stdout.split("\n").filter(Boolean);
}

scenario("run without a command is a login shell with the image's environment, and job control", async () => {
  await using shell = await atTerminal(home, ["run", "--name", "box", "--image", "minimal"]);
  await shell.shows(/# $/);
  const type = (text: string) => void shell.stdin.write(text);
  type('echo "$0 $SHELL $HOME $USER $PWD $TERM" $(shopt login_shell) $(stty size)\r');
  await shell.shows("/bin/bash /bin/bash /root root /root xterm-256color login_shell on 33 101\r\n");
  type('echo "$PATH"\r');
  await shell.shows("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\r\n");
  type('echo "$LANG" é | wc -m\r');
  await shell.shows("10\r\n");
  type("sleep 1000\r");
  await home.until(
    "the sleep",
    () => inGuest("^sleep 1000"),
    ({ length }) => length === 1,
  );
  type("\x1a");
  await shell.shows(/\[1\]\+ +Stopped +sleep 1000/);
  type("fg\r");
  await shell.shows(/fg\r\n[\s\S]*sleep 1000\r\n/);
  type("\x03");
  type("echo interrupted $?\r");
  await shell.shows("interrupted 130\r\n");
  await resize(shell, { rows: 44, columns: 120 });
  type("stty size\r");
  await shell.shows("44 120\r\n");
  type("exit 7\r");
  const [, status, how] = await shell.shows(ENDED);
  assert.deepEqual([status, how], ["7", "mended"]);
});

scenario("a paste of 1 MB into cat arrives whole, though nobody reads the screen for a while", async () => {
  await using terminal = await atTerminal(home, [
    "exec",
    "-it",
    "box",
    "sh",
    "-c",
    "stty raw -echo; echo go; head -c 1000000 | tee /run/pasted; echo done",
  ]);
  await terminal.shows("go\n");
  terminal.stdout.pause();
  const paste = randomBytes(500_000).toString("hex");
  terminal.stdin.write(paste);
  await home.until(
    "the terminal's buffers to be full",
    () => home.run(["exec", "box", "stat", "-c", "%s", "/run/pasted"]),
    ({ stdout }) => Number(stdout) > 100_000,
  );
  terminal.stdout.resume();
  await terminal.shows("done");
  const sum = await home.ok(["exec", "box", "sha256sum", "/run/pasted"]);
  assert.equal(sum.split(" ")[0], createHash("sha256").update(paste).digest("hex"));
});

scenario(
  "a shell is left by the detach keys, taken up again with what it showed, and its status passed through",
  async () => {
    const script =
      'echo begun; while read line; do if [ "$line" = size ]; then stty size; else echo "got $line"; fi; done; exit 5';
    await using first = await atTerminal(home, ["exec", "-it", "box", "bash", "-c", script]);
    await first.shows("begun\r\n");
    first.stdin.write("one\r\x10\x11");
    const [, id = ""] = await first.shows(/banger: (\w+) goes on; `banger attach box \1` takes it up again\r\n/);
    assert.deepEqual((await first.shows(ENDED)).slice(1), ["0", "mended"]);

    await using again = await atTerminal(home, ["attach", "box"], { rows: 20, columns: 70 });
    await again.shows("begun\r\none\r\ngot one\r\n");
    again.stdin.write("size\r");
    await again.shows("20 70\r\n");
    const other = await home.run(["attach", "box", id.slice(0, 5)]);
    assert.deepEqual([other.status, other.stdout], [125, ""]);
    assert.match(
      other.stderr,
      new RegExp(`^banger: command ${id} of box is attached to another client\nhint: .*--no-stdin`),
    );
    await using watcher = home.start(["attach", "--no-stdin", "box"]);
    await watcher.shows("got one\r\n");
    again.signal("SIGKILL");
    await again.ended;
    await using last = await atTerminal(home, ["attach", "box", id, "--detach-keys", "none"]);
    last.stdin.write("two\x10\x11\r");
    await last.shows(/got two/);
    last.stdin.write("\x04");
    assert.deepEqual((await last.shows(ENDED)).slice(1), ["5", "mended"]);
    assert.equal((await watcher.ended).status, 5);
  },
);

scenario(
  "a shell at a terminal goes on when its daemon is killed, its client is stopped for a while, or its VMM is",
  async () => {
    await using shell = await atTerminal(home, ["exec", "-it", "box", "bash", "--norc"]);
    await shell.shows("bash-5.2# ");
    shell.stdin.write("x=4; y=2\r");
    await home.killDaemon();
    shell.stdin.write('echo "daemon $x$y"\r');
    await shell.shows("daemon 42\r\n");
    const client = await programAt(shell.device);
    const [vmm = ""] = (await home.traces()).processes.filter((line) => /^\d+ qemu-system-x86_64 /.test(line));
    for (const [who, pid] of Object.entries({ client, vmm })) {
      process.kill(Number.parseInt(pid, 10), "SIGSTOP");
      shell.stdin.write(`echo "${who} $x$y"\r`);
      assert.match(await home.ok(["list"]), /^box .* running /m);
      process.kill(Number.parseInt(pid, 10), "SIGCONT");
      await shell.shows(`${who} 42\r\n`);
    }
    shell.stdin.write("exit\r");
    assert.deepEqual((await shell.shows(ENDED)).slice(1), ["0", "mended"]);
  },
);

scenario("a command in a machine that stands still does not keep who sends it SIGTERM", async () => {
  await using command = home.start(["exec", "box", "sh", "-c", "echo up; exec sleep 1234"]);
  await command.shows("up");
  const [vmm = ""] = (await home.traces()).processes.filter((line) => /^\d+ qemu-system-x86_64 /.test(line));
  const pid = Number.parseInt(vmm, 10);
  process.kill(pid, "SIGSTOP");
  command.signal("SIGTERM");
  const { status, stderr } = await command.ended;
  process.kill(pid, "SIGCONT");
  assert.equal(status, 125);
  assert.match(stderr, /^banger: the guest's agent did not answer SIGNAL/m);
  await home.until(
    "the end of what was left",
    () => inGuest("^sleep 1234"),
    ({ length }) => length === 0,
  );
});

/** The process of the command line whose input is that terminal. */
async function programAt(device: string): Promise<string> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const input = await readlink(`/proc/${pid}/fd/0`).catch(() => ""); // it has just ended, or is not ours
    if (input !== device) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.startsWith(`${product.join("\0")}\0`)) return pid;
  }
  throw new Error(`nothing of ours reads from ${device}`);
}

scenario(
  "clients that follow or watch and are killed, or never read, leave nothing in the daemon and cost it nothing",
  async () => {
    const flood = "trap '' HUP; cat /dev/zero | tr '\\0' 'x' | fold -w 99";
    await using left = await atTerminal(home, ["exec", "-it", "box", "sh", "-c", flood]);
    await left.shows("xxx");
    left.stdin.write("\x10\x11");
    await left.shows(ENDED);
    const daemon = await home.daemon();
    const openFiles = async () => {
      const folder = `/proc/${daemon.pid}/fd`;
      const names = (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => "closed by now"));
      // What watches files is made once, and kept.
      return (await Promise.all(names)).filter((name) => name !== "anon_inode:inotify").length;
    };
    const before = await openFiles();
    const commands = [
      ["logs", "-f", "box"],
      ["attach", "--no-stdin", "box"],
      ["attach", "box"],
    ];
    const clients = commands.map((argv) => home.start(argv, { stdin: "pipe" }));
    for (const client of clients) await client.shows(/./);
    for (const client of clients) client.stdout.pause();
    const memory = async () => Number(Object(await home.json(["daemon", "status"])).residentBytes);
    const atFirst = await memory();
    const bytes = "head -c 20000000 /dev/zero | wc -c";
    for (let i = 0; i < 5; i += 1) assert.equal(await home.ok(["exec", "box", "sh", "-c", bytes]), "20000000\n");
    const later = await memory();
    assert.ok(later - atFirst < 30e6, `${atFirst} bytes became ${later}`);
    for (const client of clients) client.signal("SIGKILL");
    await Promise.all(clients.map((client) => client.ended));
    await home.until("the daemon to let go", openFiles, (count) => count <= before);
    assert.equal((await home.run(["exec", "box", "pkill", "-KILL", "fold"])).status, 0);
    await home.until(
      "the end of it",
      () => home.run(["attach", "box"]),
      ({ stderr }) => /no command runs/.test(stderr),
    );
  },
);

scenario("run --rm: the machine goes when its command is hung up, because its client was killed", async () => {
  await using fleeting = home.start([
    "run",
    "--rm",
    "--name",
    "gone",
    "--image",
    "minimal",
    "--",
    "sh",
    "-c",
    "echo up; sleep 3600",
  ]);
  await fleeting.shows("up\n");
  fleeting.signal("SIGKILL");
  await home.until(
    "the machine to be gone",
    () => home.run(["show", "gone"]),
    ({ status }) => status === 4,
  );
});
