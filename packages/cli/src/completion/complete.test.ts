/** What is offered where, from the commands' data and from the daemon that runs, or does not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { test } from "node:test";
import { OperationId } from "@banger/contract/ids";
import { sampleImage } from "@banger/sdk/testing/sample-views";
import { outcome, World } from "../testing/world.ts";

type Offered = { readonly paths: string; readonly values: readonly string[] };

async function offered(world: World, line: string): Promise<Offered> {
  const { status, stdout, stderr } = await world.run(["__complete", ...line.split(" ").slice(1)], {
    env: { EDITOR: "vi" },
  });
  assert.deepEqual([status, stderr], [0, ""]);
  const [paths = "", ...lines] = stdout.trimEnd().split("\n");
  return { paths, values: lines.map((text) => text.split("\t")[0] ?? "") };
}

async function furnished(): Promise<World> {
  const world = await World.make();
  const network = { mode: "shut", open: ["127.0.0.1:8080 to 80", "0.0.0.0:9090 to 90"] };
  world.daemon.addMachine("web", { variables: ["DEBUG", "TOKEN"], network });
  world.daemon.addMachine("db");
  world.daemon.addMachine("off", { state: "stopped" });
  world.daemon.operations.begin("image.build", "minimal", async () => "image", OperationId.parse("4k2jabcdefgh"));
  await world.daemon.operations.settled();
  return world;
}

/** A line up to the cursor, what the shell adds, and the words that are offered. */
const lines: readonly (readonly [string, string, readonly string[]])[] = [
  ["banger unpu", "none", ["unpublish"]],
  ["banger --v", "none", ["--version"]],
  ["banger daemon ", "none", ["status", "start", "stop"]],
  ["banger image bu", "none", ["build"]],
  ["banger help vm unpu", "none", ["unpublish"]],
  ["banger help unpu", "none", ["unpublish"]],
  ["banger start ", "none", ["off"]],
  ["banger stop ", "none", ["web", "db"]],
  ["banger rm web ", "none", ["db", "off"]],
  ["banger vm delete o", "none", ["off"]],
  ["banger show web ", "none", ["--quiet", "--json", "--help"]],
  ["banger show --j", "none", ["--json"]],
  ["banger show --json --j", "none", []],
  ["banger list ", "none", ["--quiet", "--json", "--help"]],
  ["banger create --image ", "none", ["minimal"]],
  ["banger create --image=m", "none", ["--image=minimal"]],
  ["banger create -m 2G --kernel ", "none", ["debian"]],
  ["banger create -m", "none", []],
  ["banger create -m ", "none", []],
  ["banger create --env ED", "none", ["EDITOR"]],
  ["banger image build ", "none", ["debian-bookworm", "minimal"]],
  ["banger completion ", "none", ["bash", "zsh", "fish"]],
  ["banger kill -s U", "none", ["USR1", "USR2"]],
  ["banger set web --unset ", "none", ["DEBUG", "TOKEN"]],
  ["banger set web --unset=D", "none", ["--unset=DEBUG"]],
  ["banger set --unset ", "none", []],
  ["banger set nobody --unset ", "none", []],
  ["banger operation show ", "none", ["4k2jabcdefgh"]],
  ["banger operation cancel ", "none", []],
  ["banger cp ", "files", ["web:", "db:"]],
  ["banger cp ./file w", "files", ["web:"]],
  ["banger cp -f web:/etc/x ", "files", ["web:", "db:"]],
  ["banger cp web:", "none", ["web:README", "web:src/"]],
  ["banger cp ./x web:/etc/R", "none", ["web:/etc/README"]],
  ["banger cp web:a/.g", "none", ["web:a/.git/"]],
  ["banger cp off:/", "none", []],
  ["banger cp nobody:/", "none", []],
  ["banger cp ./a:b/", "files", []],
  ["banger attach web ", "none", ["4k2jexecexec"]],
  ["banger attach off ", "none", []],
  ["banger unpublish web ", "none", ["127.0.0.1:8080", "0.0.0.0:9090"]],
  ["banger unpublish web 127.0.0.1:8080 0", "none", ["0.0.0.0:9090"]],
  ["banger exec w", "none", ["web"]],
  ["banger exec -it w", "none", ["web"]],
  ["banger exec -u root w", "none", ["web"]],
  ["banger exec web ", "files", []],
  ["banger exec web ls -", "files", []],
  ["banger exec web -- ls ", "files", []],
  ["banger run ", "directories", []],
  ["banger run --rm -", "none", []],
  ["banger run --rm -- ma", "files", []],
  ["banger run --include ", "files", []],
  ["banger bogus ", "none", []],
  ["banger image bogus ", "none", []],
];

test("what is offered", async () => {
  await using world = await furnished();
  for (const [line, paths, values] of lines) {
    const got = await offered(world, line);
    if (line.endsWith(" -")) assert.ok(got.values.includes("--") || got.paths === "files", line);
    else assert.deepEqual(got, { paths, values }, line);
  }
});

test("paths are those where a copy would look, and a machine that is slow has none", async () => {
  await using world = await furnished();
  for (const typed of ["", "a/", "~/b/", "/etc/"]) await offered(world, `banger cp web:${typed}`);
  const asked = world.daemon.callsOf("exec.run").map((params) => Object(params).argv.at(-1));
  assert.deepEqual(asked, ["/root", "/root/a", "/root/b", "/etc"]);
  world.daemon.execGate = new Promise(() => undefined);
  assert.deepEqual(await offered(world, "banger cp web:/"), { paths: "none", values: [] });
});

test("each candidate has a word about it", async () => {
  await using world = await furnished();
  const { stdout } = await world.run(["__complete", "start", ""]);
  assert.equal(stdout, "none\noff\tstopped, minimal\n");
});

test("a name that a shell would not take as it is, is not offered", async () => {
  await using world = await furnished();
  for (const name of ["evil\nname", "$(reboot)", "a b", "team/image:1.0"])
    world.daemon.images.push({ ...sampleImage, name });
  assert.deepEqual((await offered(world, "banger image show ")).values, ["minimal", "team/image:1.0"]);
});

test("without a daemon there are no names, and none is started", async () => {
  await using world = await furnished();
  await world.daemon[Symbol.asyncDispose]();
  assert.deepEqual(await offered(world, "banger start "), { paths: "none", values: [] });
});

test("a daemon that does not answer is not waited for, by the process either", { timeout: 30_000 }, async () => {
  await using world = await furnished();
  await world.daemon[Symbol.asyncDispose]();
  const socket = `${world.env.XDG_RUNTIME_DIR}/banger/bangerd.sock`;
  await rm(socket, { force: true });
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const deaf = createServer(() => undefined).listen(socket);
  await once(deaf, "listening");
  try {
    const ran = await outcome(world.spawn(["__complete", "start", ""]));
    assert.deepEqual(ran, { status: 0, stdout: "none\n", stderr: "" });
  } finally {
    deaf.close();
  }
});
