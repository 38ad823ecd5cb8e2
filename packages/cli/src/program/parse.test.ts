import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../testing/world.ts";

/** Arguments, and what is said about them. */
const refused: readonly (readonly [string, string, string])[] = [
  ["rnu", `there is no command "rnu"`, "Did you mean `banger run`?"],
  ["image biuld", `there is no command "image biuld"`, "Did you mean `banger image build`?"],
  ["image pull", `there is no command "image pull"`, "See `banger image --help`."],
  ["xyzzy", `there is no command "xyzzy"`, "See `banger help`."],
  ["--quiet list", "there is no option --quiet before a command", "See `banger help`."],
  ["list --jsn", "list has no option --jsn", "Did you mean --json?"],
  ["list --json=yes", "list takes no value with --json", "`banger list --help` shows what it takes."],
  ["list -z", "list has no option -z", "`banger list --help` shows what it takes."],
  ["kill -9 web", "kill has no option -9", "`banger kill --help` shows what it takes."],
  ["rmi web", `there is no command "rmi"`, "Did you mean `banger image delete`?"],
  ["top", `there is no command "top"`, "Did you mean `banger stats`?"],
  ["ssh web", `there is no command "ssh"`, "Did you mean `banger exec -it MACHINE bash`?"],
  [
    "run . uname",
    `run takes no argument "uname"`,
    "`banger run --help` shows what it takes; a command goes behind `--`: banger run -- CMD.",
  ],
  [
    "run uname -x",
    "run has no option -x",
    "`banger run --help` shows what it takes; a command goes behind `--`: banger run -- CMD.",
  ],
  ["list web", `list takes no argument "web"`, "`banger list --help` shows what it takes."],
  ["list -- web", "list takes nothing behind `--`", "`banger list --help` shows what it takes."],
  ["show", "show needs MACHINE", "`banger show --help` shows what it takes."],
  ["delete", "delete needs MACHINE", "`banger delete --help` shows what it takes."],
  ["create --memory", "create needs a value for --memory: SIZE", "`banger create --help` shows what it takes."],
  ["create --memory lots", `"lots" is not a size in whole MiB`, "Write a size such as 512MiB, 4G or 2048 (MiB)."],
  [
    "create --memory 64",
    "--memory 64 is 64 MiB, it must be from 128 to 1048576 MiB",
    "Write a size such as 512MiB, 4G or 2048 (MiB).",
  ],
  [
    "create --disk 32T",
    "--disk 32T is 33554432 MiB, it must be from 64 to 16777216 MiB",
    "Write a size such as 512MiB, 4G or 2048 (MiB).",
  ],
  ["create --vcpu 0", `--vcpu "0" is not a whole number from 1 to 32`, "Give a number from 1 to 32."],
  ["create --vcpu 1.5", `--vcpu "1.5" is not a whole number from 1 to 32`, "Give a number from 1 to 32."],
  ["create --name a --name b", "create was given --name 2 times", "`banger create --help` shows what it takes."],
  [
    "create --name Web",
    `the name "Web" holds "W", which is not one of a-z, 0-9 and hyphen`,
    "Use 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at an edge.",
  ],
  [
    "create --env 1A=2",
    `--env "1A" is not the name of a variable`,
    "Write --env KEY=VALUE, with a key of letters, digits and underscores.",
  ],
  ["create --env NOPE", "--env NOPE has no value, and this environment has none either", "Write --env NOPE=VALUE."],
  [
    "stop --time soon web",
    `--time "soon" is not a duration of at most 600 s`,
    "Write a duration such as 10 (seconds), 500ms, 30s or 5m.",
  ],
  ["completion tcsh", `there is no completion for "tcsh"`, "Give one of bash, zsh, fish."],
  ["run /etc/passwd", "/etc/passwd is not a directory", "A command goes behind `--`: banger run -- CMD."],
  ["run --dry-run", "run --dry-run needs a PATH", "`banger run --help` shows what it takes."],
  ["logs --vmm --command web", "logs takes --command or --vmm, not both", "`banger logs --help` shows what it takes."],
  [
    "logs --since 10m web",
    "--since needs --command: the lines of a console carry no time",
    "Use --tail LINES, or --command for what the background commands wrote.",
  ],
  [
    "logs --command --since yesterday web",
    '--since "yesterday" is no time',
    "Write how long ago, such as 30s, 10m or 2h, or a time such as 2026-01-31T12:00.",
  ],
  [
    "logs --tail -1 web",
    '--tail "-1" is not a whole number from 0 to 1000000000',
    "Give a number from 0 to 1000000000.",
  ],
];

for (const [line, message, hint] of refused) {
  test(`banger ${line}`, async () => {
    await using world = await World.make();
    const ran = await world.run(line.split(" "));
    assert.deepEqual(ran, { status: 2, stdout: "", stderr: `banger: ${message}\nhint: ${hint}\n` });
    assert.deepEqual(world.daemon.calls, []);
  });
}

test("an empty ref and one that is too long are refused before the daemon is asked", async () => {
  await using world = await World.make();
  for (const ref of ["", "x".repeat(64)]) assert.equal((await world.run(["show", ref])).status, 2);
});

test("where the status belongs to a command, a wrong option is 125", async () => {
  await using world = await World.make();
  assert.equal((await world.run(["exec", "--bogus", "web", "ls"])).status, 125);
  assert.equal((await world.run(["exec", "web"])).status, 125);
  assert.equal((await world.run(["exec", "-1", "web", "ls"])).status, 125);
  assert.equal((await world.run(["run", "--bogus", "--", "ls"])).status, 125);
  assert.equal((await world.run(["run", "--"])).status, 125);
  assert.equal((await world.run(["run", "--bogus"])).status, 2);
});

test("what is asked for arrives as the contract has it", async () => {
  await using world = await World.make();
  const line = "create --name web --image minimal --vcpu 2 -m 1.5G --disk=20g -e A=1 --env B=x=y -e HOME --start -q";
  const ran = await world.run(line.split(" "), { env: { HOME: world.home } });
  assert.deepEqual(ran, { status: 0, stdout: "web\n", stderr: "" });
  assert.deepEqual(world.daemon.callsOf("vm.create"), [
    {
      ...{ name: "web", image: "minimal", vcpus: 2, memoryMib: 1536, diskMib: 20480 },
      ...{ start: true, ephemeral: false, provisional: false },
      environment: ["A=1", "B=x=y", `HOME=${world.home}`],
    },
  ]);
});

test("options of exec end at the machine; the rest is the command's, dashes or not", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const line = "exec -u nobody -w /tmp -e A=1 web params -i --help -- x";
  const { stdout, status } = await world.run(line.split(" "));
  assert.equal(status, 0);
  const { argv, user, cwd, environment } = JSON.parse(stdout);
  assert.deepEqual(
    { argv, user, cwd, environment },
    {
      argv: ["params", "-i", "--help", "--", "x"],
      ...{ user: "nobody", cwd: "/tmp", environment: ["A=1"] },
    },
  );
  assert.deepEqual((await world.run(["vm", "exec", "web", "--", "echo", "a"])).stdout, "a\n");
});

test("flags of other programs are taken where they ask for what is done anyway", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  assert.equal((await world.run(["list", "-a"])).stdout, (await world.run(["list"])).stdout);
  assert.equal((await world.run(["ps", "-aq"])).stdout, (await world.run(["list", "-q"])).stdout);
  assert.equal((await world.run(["run", "-it", "--rm", "--", "echo", "a"])).stdout, "a\n");
  assert.equal((await world.run(["rm", "-f", "web"])).stdout, "web\n");
});

test("with --json a failure is an object on stderr", async () => {
  await using world = await World.make();
  const ran = await world.run(["show", "nope", "--json"]);
  assert.deepEqual([ran.status, ran.stdout], [4, ""]);
  assert.deepEqual(JSON.parse(ran.stderr), {
    error: {
      ...{ code: "VM_NOT_FOUND", message: 'there is no machine "nope"', hint: "`banger list` shows the machines." },
      ...{ facts: { ref: "nope" }, status: 4 },
    },
  });
});
