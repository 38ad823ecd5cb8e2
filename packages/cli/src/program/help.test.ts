import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../testing/world.ts";
import { catalog, nouns } from "./catalog.ts";
import { commandHelp, overviewHelp } from "./help.ts";

test("the help of exec", async () => {
  await using world = await World.make();
  const { stdout, stderr, status } = await world.run(["help", "vm", "exec"]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.equal(
    stdout,
    `Usage: banger exec [OPTIONS] MACHINE CMD...

Runs CMD in a running machine. The exit status is that of CMD, 128+N if signal N
ended it; 125 is a failure of banger's own, 126 means that CMD can not be
executed, 127 that it was not found.

Arguments:
  MACHINE  name, or the beginning of an id
  CMD      the command and its arguments

Options:
  -i, --interactive       give CMD this standard input
  -t, --tty               give CMD a terminal
  -u, --user USER         run it as this user (default: root)
  -w, --workdir DIR       run it in this directory
  -e, --env KEY[=VALUE]   an environment variable; without a value, the one of
                          this environment; may be given several times
      --detach-keys KEYS  with a terminal: leave the command running at these
                          keys, or none (default: ctrl-p,ctrl-q)
  -h, --help              show this

Examples:
  banger exec web uptime          one command
  banger exec -it web bash        a shell
  tar c . | banger exec -i web tar x -C /srv
                                  with input from here
  banger exec -u nobody -w /tmp -e DEBUG=1 web env
                                  as somebody else, elsewhere

Also: banger vm exec
`,
  );
});

test("every help is found, plain ASCII and within 80 columns; on a narrower terminal all but commands are", async () => {
  for (const width of [40, 80]) {
    const texts = [overviewHelp(undefined, width), ...Object.keys(nouns).map((noun) => overviewHelp(noun, width))];
    for (const entry of catalog) texts.push(commandHelp(entry, (await entry.load()).command, width));
    for (const text of texts) {
      assert.match(text, /^[\n\x20-\x7e]+$/);
      for (const line of text.split("\n")) {
        assert.ok(line.length <= width || (width < 80 && /^ {2}[-b]|\| banger|:7080|^ *\S+$/.test(line)), line);
      }
    }
  }
});

test("the program alone, and each noun alone, say what there is", async () => {
  await using world = await World.make();
  for (const argv of [[], ["--help"], ["help"]]) assert.match((await world.run(argv)).stdout, /^banger gives you /);
  for (const noun of Object.keys(nouns)) {
    assert.match((await world.run([noun])).stdout, new RegExp(`^banger ${noun}: `));
  }
});
