import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { listenersIn, portOwner } from "./port-owner.ts";
import { kernelNotation, ownerIn, SocketOwners } from "./socket-table.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const ROW =
  "   2: 0100007F:D016 0100007F:A9B9 01 00000000:00000000 00:00000000 00000000 65534        0 1562610 2 0 20 0\n";

test("addresses are written as the kernel writes them", () => {
  assert.equal(kernelNotation({ address: "127.0.0.1", port: 53_270 }), "0100007F:D016");
  assert.equal(kernelNotation({ address: "::1", port: 80 }), "00000000000000000000000001000000:0050");
  assert.equal(kernelNotation({ address: "::ffff:127.0.0.1", port: 0 }), "0000000000000000FFFF00000100007F:0000");
  assert.equal(kernelNotation({ address: "fe80::1:0:2", port: 1 }), "000080FE000000000100000002000000:0001");
  assert.equal(kernelNotation({ address: "fe80::1%eth0", port: 1 }), undefined);
  assert.equal(kernelNotation({ address: "example.org", port: 1 }), undefined);
});

test("any address and port give digits of the right number", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      const text = kernelNotation({ address, port }) ?? "";
      assert.match(text, address.includes(":") ? /^[0-9A-F]{32}:[0-9A-F]{4}$/ : /^[0-9A-F]{8}:[0-9A-F]{4}$/);
    }),
  );
});

test("the owner is that of the whole connection, and never of a socket that nobody has any more", () => {
  const table = HEAD + ROW;
  assert.equal(ownerIn(table, { local: "0100007F:D016", remote: "0100007F:A9B9" }), 65_534);
  assert.equal(ownerIn(table, { local: "0100007F:A9B9", remote: "0100007F:D016" }), undefined);
  const orphan = ROW.replace("65534        0 1562610", "    0        0 0");
  assert.equal(ownerIn(HEAD + orphan, { local: "0100007F:D016", remote: "0100007F:A9B9" }), undefined);
  assert.equal(ownerIn(HEAD + orphan + ROW, { local: "0100007F:D016", remote: "0100007F:A9B9" }), 65_534);
});

test("no table makes it throw", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat({ max: ROW.length }), (noise, cut) => {
      const found = ownerIn(HEAD + ROW.slice(0, cut) + noise, { local: "0100007F:D016", remote: "0100007F:A9B9" });
      assert.ok(found === undefined || Number.isInteger(found));
      assert.ok(Array.isArray(listenersIn(noise + ROW, 1)));
    }),
  );
});

test("those who ask while the table is read wait for a reading that began after they asked, and share it", async () => {
  const gates: PromiseWithResolvers<string>[] = [];
  const owners = new SocketOwners(() => {
    const gate = Promise.withResolvers<string>();
    gates.push(gate);
    return gate.promise;
  });
  const connection = { local: { address: "::1", port: 1 }, remote: { address: "::1", port: 2 } };
  const row = `: ${kernelNotation(connection.remote)} ${kernelNotation(connection.local)} 01 a b c 7 0 99\n`;
  const first = owners.peerUid(connection);
  const [second, third] = [owners.peerUid(connection), owners.peerUid(connection)];
  gates[0]?.resolve(row);
  assert.equal(await first, 7);
  gates[1]?.resolve(row.replace(" 7 ", " 8 "));
  assert.deepEqual(await Promise.all([second, third]), [8, 8]);
  assert.equal(gates.length, 2);
});

for (const address of ["127.0.0.1", "::1"]) {
  test(`a real connection to ${address} is known by its uid, a port by who listens on it`, async (t) => {
    const server = createServer();
    try {
      await once(server.listen(0, address), "listening");
    } catch {
      t.skip(`this host has no ${address}`);
      return;
    }
    const bound = server.address();
    assert.ok(typeof bound === "object" && bound !== null);
    const client = connect({ port: bound.port, host: address });
    const [socket] = (await once(server, "connection")) as [Socket];
    const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = socket;
    const local = { address: localAddress, port: localPort };
    const remote = { address: remoteAddress, port: remotePort };
    const owners = new SocketOwners();
    assert.equal(await owners.peerUid({ local, remote }), process.getuid?.());
    const signal = AbortSignal.timeout(10_000);
    assert.equal((await portOwner(bound.port, { signal }))?.pid, process.pid);
    client.destroy();
    socket.destroy();
    server.close();
    await once(server, "close");
    assert.equal(await portOwner(bound.port, { signal }), undefined);
  });
}
