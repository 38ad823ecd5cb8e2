/** Ports of a real machine: by name, published, forwarded, and in the list. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { freePort } from "@banger/platform/testing/free-port";
import { assertHarmless, EVIL_BYTES } from "../harness/harmless.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });
const run = promisify(execFile);

/** The image has nothing that listens: the smallest server there is, which answers each connection and ends it. */
const SERVER = `
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
  int one = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (argc != 2 || bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 64)) return 1;
  puts("listening");
  fflush(stdout);
  for (;;) {
    char head[4096];
    int got = 0, c = accept(server, 0, 0);
    for (ssize_t n; got < 4000 && (n = read(c, head + got, 4000 - got)) > 0;) {
      head[got += n] = 0;
      if (strstr(head, "\\r\\n\\r\\n")) break;
    }
    dprintf(c, "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\n%s", strncmp(head, "HEAD", 4) ? "hello\\n" : "");
    close(c);
  }
}`;

async function server(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "banger-server-"));
  try {
    const [source, binary] = [join(directory, "server.c"), join(directory, "server")];
    await writeFile(source, SERVER);
    await run("musl-gcc", ["-static", "-Os", "-s", "-o", binary, source]);
    return await readFile(binary);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function get(port: number, host: string): Promise<string> {
  const sent = request({ port, host: "127.0.0.1", headers: { host } }).end();
  const [response] = await once(sent, "response");
  return await text(response);
}

scenario("HTTP is served where the configuration says, from the daemon's next start on", async () => {
  const port = await freePort();
  const directory = join(home.directory, "config/banger");
  await mkdir(directory);
  await writeFile(join(directory, "config.toml"), `http-port = ${port}\n`);
  try {
    await home.stopDaemon();
    await home.ok(["daemon", "start"]);
    assert.match(await get(port, "localhost"), /<html/);
  } finally {
    await rm(directory, { recursive: true });
  }
  await home.stopDaemon();
  await home.daemon();
});

scenario(
  "what listens in a machine is listed, and reached by name, by a published port and through a tunnel",
  async () => {
    const host = await freePort();
    const publish = `${host}:3000`;
    await home.ok(["run", "-d", "-q", "--name", "web", "--image", "minimal", "--publish", publish]);
    const put = ["exec", "-i", "web", "sh", "-c", "cat > /run/server && chmod 755 /run/server"];
    await home.ok(put, { stdin: await server() });
    await using serving = home.start(["exec", "web", "/run/server", "3000"]);
    await serving.shows("listening\n");

    const { results } = Object(await home.json(["ports", "web"]));
    const [open] = results[0].result.ports;
    assert.deepEqual([open.port, open.process, open.protocol], [3000, "server", "http"]);
    const url = new URL(open.url);
    assert.equal(url.hostname, "3000.web.localhost");
    assert.equal(await get(Number(url.port), url.host), "hello\n");
    assert.equal(
      await get(Number(url.port), `3001.web.localhost`),
      "Nothing listens on port 3001 of web.\nIts open ports: banger ports web\n",
    );
    assert.equal(await get(host, "localhost"), "hello\n");

    const taken = await home.run(["create", "--start", "--image", "minimal", "-q", "--publish", publish]);
    assert.equal(taken.status, 5);
    assert.match(taken.stderr, new RegExp(`port ${host} of 127.0.0.1 is taken by machine web`));

    const other = await freePort();
    for (const [signal, status] of [
      ["SIGINT", 130],
      ["SIGKILL", 137],
    ] as const) {
      await using tunnel = home.start(["forward", "web", `${other}:3000`]);
      await tunnel.shows(`127.0.0.1:${other}\n`);
      assert.equal(await get(other, "localhost"), "hello\n");
      tunnel.signal(signal);
      assert.equal((await tunnel.ended).status, status);
      const refused = async () => await get(other, "localhost").catch((error: unknown) => String(error));
      await home.until("the end of the tunnel", refused, (answer) => /ECONNREFUSED/.test(answer));
    }

    await home.killDaemon();
    await home.daemon();
    assert.equal(await get(host, "localhost"), "hello\n", "the next daemon has the machine's ports again");
  },
);

scenario(
  "whatever a guest calls its things and says, no command and no page hands it to a terminal or browser",
  async () => {
    const evil = Buffer.from(EVIL_BYTES.filter((byte) => byte !== 0));
    const word = evil.toString();
    await home.ok(["cp", "-q", "-", "web:/run/evil"], { stdin: evil });
    // The kernel gives 15 bytes of a program's name.
    const name = "$(printf 'e\\033[2J\\302\\233\\342\\200\\256\\377')";
    const serve = `cp /run/server "/run/${name}"; exec "/run/${name}" 3001`;
    await using serving = home.start(["exec", "web", "sh", "-c", serve]);
    await serving.shows("listening\n");
    await home.ok([
      ...["exec", "web", "sh", "-c"],
      'mkdir -p /tmp/evil; cd /tmp/evil; touch "$(cat /run/evil)"; mkfifo "p$(cat /run/evil)"; ln -s /etc "l$(cat /run/evil)"; ' +
        "cat /run/evil >/proc/sys/kernel/hostname; for i in 1 2 3; do cat /run/evil; yes x | head -c 20000; cat /run/evil; echo; done >/dev/console",
    ]);
    const target = await mkdtemp(join(tmpdir(), "banger-evil-"));
    try {
      for (const argv of [
        ["ports", "web"],
        ["stats", "web"],
        ["list"],
        ["show", "web"],
        ["logs", "web"],
        ["cp", "web:/tmp/evil", target],
        ["exec", "web", word],
        ["cp", `web:/tmp/${word}`, "-"],
        ["exec", "-w", `/tmp/${word}`, "web", "true"],
      ]) {
        for (const options of [[], ["--json"]]) {
          const [command = "", ...rest] = argv;
          const ran = await home.run([command, ...options, ...rest]);
          if (command === "exec" && options.length > 0 && ran.status === 125) continue; // it has no --json
          assertHarmless(ran, `${command} ${options.join(" ")}`);
        }
      }
    } finally {
      await rm(target, { recursive: true });
    }
    const { results } = Object(await home.json(["ports", "web"]));
    const open = results[0].result.ports.find(({ port }: { port: number }) => port === 3001);
    assert.match(open.process, /^e\\x1b\[2J\\x9b/);
    const { port } = new URL(open.url);
    const page = Buffer.from(await get(Number(port), "localhost"));
    assertHarmless({ bytes: page, stderr: "" }, "the page");
    assert.doesNotMatch(String(page), /<script(?! nonce=)/);
  },
);
