/** The scripts in the shells that they are for: keys go in at a terminal, and what the line becomes is run. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { heard, outcome, World } from "../testing/world.ts";

/** Asked for a completion it keeps the question and gives the answer that lies ready; else it shows its arguments. */
const STUB = `#!/bin/sh
if [ "$1" = __complete ]; then
  shift
  printf '%s|' "$@" >"$HOME/asked"
  cat "$HOME/answer"
else
  printf '<%s>\\n' "$*"
fi
`;

/** A home with a stub for `banger` in its PATH, a file `website` to stand beside, and the script for the shell. */
async function prepare(shell: string): Promise<World> {
  const world = await World.make();
  world.daemon.addMachine("web-one");
  world.daemon.addMachine("off-one", { state: "stopped" });
  for (const name of ["bin", "tree"]) await mkdir(join(world.home, name));
  await writeFile(join(world.home, "tree/website"), "");
  await writeFile(join(world.home, "bin/banger"), STUB, { mode: 0o755 });
  await writeFile(join(world.home, "script"), (await world.run(["completion", shell])).stdout);
  return world;
}

async function layReady(world: World, words: readonly string[]): Promise<void> {
  await writeFile(join(world.home, "answer"), (await world.run(["__complete", ...words])).stdout);
}

/** False, with a word, where the shell is missing; CI has them all. */
async function isThere(shell: string, context: TestContext): Promise<boolean> {
  const there = await access(`/usr/bin/${shell}`).then(
    () => true,
    () => false,
  );
  assert.ok(there || process.env.REQUIRE_VM !== "1", `${shell} is not installed`);
  if (!there) context.skip(`${shell} is not installed`);
  return there;
}

/** What is typed before the key, and what the line becomes with an X typed behind it. */
const lines: readonly (readonly [string, string])[] = [
  ["unpu", "unpublish X"],
  ["start o", "start off-one X"],
  ["create --image=m", "create --image=minimal X"],
  ["create --ima", "create --image X"],
  ["cp web-o", "cp web-one:X"],
  ["cp web-one:/etc/x webs", "cp web-one:/etc/x website X"],
  ["cp web-one:/opt/s", "cp web-one:/opt/src/X"],
  ["cp web-one:/opt/RE", "cp web-one:/opt/README X"],
  ["cp ./webs", "cp ./website X"],
  ["exec web-one cat webs", "exec web-one cat website X"],
];

function shellEnvironment({ env, home }: World): NodeJS.ProcessEnv {
  return { ...env, PATH: `${home}/bin:/usr/bin:/bin`, SHELL: "/bin/sh", TERM: "dumb" };
}

/** The keys are typed ahead: a shell takes them one after the other. */
async function atTerminal(
  world: World,
  shell: string,
  { argv, begin }: { argv: string; begin: string },
): Promise<void> {
  const { home } = world;
  const options = { env: shellEnvironment(world), cwd: join(home, "tree") };
  const child = spawn("/usr/bin/script", ["-qec", `stty cols 300; exec ${argv}`, "/dev/null"], options);
  const ended = once(child, "close");
  try {
    child.stdin.write(`${begin}; echo set''tled\r`);
    await heard(child.stdout, "settled");
    for (const [typed, wanted] of lines) {
      const words = typed.split(" ");
      await layReady(world, words);
      child.stdin.write(`banger ${typed}\tX\r`);
      const said = await heard(child.stdout, ">\r\n");
      assert.match(said, new RegExp(`<${wanted}>\r\n`), `${shell}: ${typed}`);
      assert.equal(await readFile(join(home, "asked"), "utf8"), words.map((word) => `${word}|`).join(""));
    }
  } finally {
    child.kill();
    await ended;
  }
}

test("bash", { timeout: 120_000 }, async () => {
  await using world = await prepare("bash");
  const begin = `bind 'set enable-bracketed-paste off'; source ${world.home}/script`;
  await atTerminal(world, "bash", { argv: "bash --norc --noprofile -i", begin });
});

test("bash: nothing that is typed is evaluated", { timeout: 60_000 }, async () => {
  await using world = await prepare("bash");
  await layReady(world, ["start", "o"]);
  const script = `source ${world.home}/script
COMP_LINE='banger start $(touch hit) o'; COMP_POINT=\${#COMP_LINE}
COMP_WORDS=(banger start '$(touch hit)' o); COMP_CWORD=3
compopt() { :; }
_banger banger; echo "\${COMPREPLY[*]}"; ls; cat ~/asked`;
  const options = { env: shellEnvironment(world), cwd: join(world.home, "tree") };
  const ran = await outcome(spawn("/usr/bin/bash", ["--norc", "-c", script], options));
  assert.deepEqual(ran, { status: 0, stdout: "off-one\nwebsite\nstart|$(touch hit)|o|", stderr: "" });
});

test("zsh", { timeout: 120_000 }, async (context) => {
  if (!(await isThere("zsh", context))) return;
  await using world = await prepare("zsh");
  const begin = `unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D; source ${world.home}/script; bindkey -e`;
  await atTerminal(world, "zsh", { argv: "zsh -f -i", begin });
});

test("fish", { timeout: 120_000 }, async (context) => {
  if (!(await isThere("fish", context))) return;
  await using world = await prepare("fish");
  const options = { env: shellEnvironment(world), cwd: join(world.home, "tree") };
  for (const [typed, wanted] of [
    ["unpu", "unpublish\ttake published ports back\n"],
    ["start ", "off-one\tstopped, minimal\n"],
    ["cp web-", "web-one:\trunning, minimal\n"],
    ["cp webs", "website\n"],
    ["create --image=m", "--image=minimal\t286 MiB\n"],
  ] as const) {
    const words = typed.split(" ");
    await layReady(world, words);
    const script = `source ${world.home}/script; complete -C 'banger ${typed}'`;
    const ran = await outcome(spawn("/usr/bin/fish", ["--no-config", "-c", script], options));
    assert.deepEqual(ran, { status: 0, stdout: wanted, stderr: "" }, typed);
    assert.equal(await readFile(join(world.home, "asked"), "utf8"), words.map((word) => `${word}|`).join(""));
  }
});
