import assert from "node:assert/strict";
import { test } from "node:test";
import { PortList } from "@banger/contract/daemon/port";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { parsePublishedPort, parseTakenPort, publishedAddress } from "../../arguments/published-port.ts";
import { Interrupts } from "../../terminal/interrupts.ts";
import { heard, outcome, World } from "../../testing/world.ts";

const url = "http://3000.web.localhost:7080/";
const http = { port: 3000, address: "0.0.0.0", pid: 42, process: "node", protocol: "http", url } as const;
const tcp = { port: 5432, address: "127.0.0.1", pid: null, process: "\x1b[2J", protocol: "tcp", url: null } as const;

test("ports is a table of what listens, how it is reached, and what is published for nothing", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("web");
  world.daemon.addMachine("off", { state: "stopped" });
  world.daemon.ports.views = [http, tcp];
  world.daemon.ports.published.set(id, [
    { address: "127.0.0.1", host: 8080, guest: 3000 },
    { address: "::1", host: 81, guest: 80 },
  ]);
  const ran = await world.run(["ports"]);
  assert.deepEqual([ran.status, ran.stderr], [0, ""]);
  assert.equal(
    ran.stdout,
    `MACHINE  PORT  PROCESS  PID  PROTOCOL  LINK
web      3000  node     42   http      ${url}
web      3000  node     42   http      127.0.0.1:8080
web      5432  \\x1b[2J  -    tcp       -
web      80    -        -    -         [::1]:81
`,
  );
});

test("ports as JSON is what the contract says, and a bad ref stops no good one", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  world.daemon.ports.views = [http];
  const ran = await world.run(["ports", "nope", "web", "--json"]);
  assert.equal(ran.status, 4);
  const { results } = JSON.parse(ran.stdout);
  assert.equal(results[0].error.code, "VM_NOT_FOUND");
  assert.equal(PortList.parse(results[1].result).ports[0]?.url, url);
});

test("publish, unpublish and run --publish ask for what was written", async () => {
  await using world = await World.make();
  const { id } = world.daemon.addMachine("web");
  const ran = await world.run(["publish", "web", "8080:80", "[::1]:8443:443"]);
  assert.deepEqual([ran.status, ran.stdout], [0, "127.0.0.1:8080\n[::1]:8443\n"]);
  assert.equal((await world.run(["unpublish", "web", "8080:80"])).status, 0);
  assert.deepEqual(world.daemon.ports.published.get(id), [{ address: "::1", host: 8443, guest: 443 }]);
  await world.run(["create", "-p", "0.0.0.0:1:2", "--publish", "3:4"]);
  const [created] = world.daemon.callsOf("vm.create") as { published: unknown }[];
  assert.deepEqual(created?.published, [
    { address: "0.0.0.0", host: 1, guest: 2 },
    { address: "127.0.0.1", host: 3, guest: 4 },
  ]);
});

test("forward tells when it listens, and ends what it began with its client", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawn(["forward", "web", "8080:80"]);
  await heard(child.stdout, "127.0.0.1:8080\n");
  child.kill("SIGINT");
  const ended = await outcome(child);
  assert.deepEqual([ended.status, ended.stderr], [130, ""]); // it is how it ends, and no failure
  world.daemon.ports.failure = new AppError("PORT_TAKEN", "port 8080 of 127.0.0.1 is taken by machine db");
  const refused = await world.run(["forward", "web", "8080:80"], { interrupts: new Interrupts(() => undefined) });
  assert.deepEqual([refused.status, refused.stdout], [5, ""]);
  assert.match(refused.stderr, /taken by machine db\nhint: /);
});

test("what was published is named by the host's side alone, as it is listed, or whole", () => {
  for (const [text, port] of [
    ["8443", { address: "127.0.0.1", host: 8443 }],
    ["0.0.0.0:8443", { address: "0.0.0.0", host: 8443 }],
    ["[::1]:8443", { address: "::1", host: 8443 }],
    ["0.0.0.0:8443:443", { address: "0.0.0.0", host: 8443, guest: 443 }],
  ] as const) {
    assert.deepEqual(parseTakenPort(text), port);
  }
  for (const text of ["0", "65536", "x:80", "", "::1:80", "[::1]", "70000:80"]) {
    assert.throws(
      () => parseTakenPort(text),
      (error) => AppError.is(error, "USAGE"),
      text,
    );
  }
});

test("what is no port is refused with what is wrong about it", () => {
  const cases = [
    "80",
    "a:b",
    "0:80",
    "80:65536",
    "x:80:80",
    "1.2.3:80:80",
    "::1:80:80",
    "[::1:80:80",
    "-1:80",
    "",
    " 1:1",
  ];
  for (const text of cases) {
    assert.throws(
      () => parsePublishedPort(text),
      (error) => AppError.is(error, "USAGE"),
      text,
    );
  }
});

test("every port that is taken is written back as it came", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), port, port, (address, host, guest) => {
      const written = `${publishedAddress({ address, host })}:${guest}`;
      assert.deepEqual(parsePublishedPort(written), { address, host, guest });
    }),
  );
});
