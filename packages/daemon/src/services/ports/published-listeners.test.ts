import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { MachineRecord } from "../vm/machine-record.ts";

const NOBODY = 65_534;

test("a record of before there were ports has none", () => {
  const record = {
    ...{ version: 1, id: "abcdefghijkl", name: "web", vcpus: 1, memoryMib: 512, diskMib: 64, rootMib: 64, run: null },
    ...{ image: { id: "imageimage00", name: "minimal" }, kernel: { id: "kernelkern00", name: "debian" } },
    ...{ environment: [], ephemeral: false, machineId: "0", createdAt: "2026-01-01T00:00:00.000Z" },
  };
  assert.deepEqual(MachineRecord.parse(record).published, []);
});

test("a port below 1024 is refused to an ordinary user with what may be done about it", async (t) => {
  const start = Number(await readFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  if (start <= 1) return t.skip("this host lets everybody have every port");
  const script = `
    const { PublishedListeners } = await import(${JSON.stringify(join(import.meta.dirname, "published-listeners.ts"))});
    const listeners = new PublishedListeners({});
    const ports = [{ address: "127.0.0.1", host: 1, guest: 80 }];
    await listeners.open({ id: "abcdefghijkl", name: "web" }, ports).catch(({ code, message, hint }) => {
      process.stdout.write([code, message, hint].join("\\n"));
    });`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const isRoot = process.getuid?.() === 0;
  const [program = "", ...args] = isRoot ? ["setpriv", `--reuid=${NOBODY}`, "--clear-groups", ...node] : node;
  const said = await text(spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] }).stdout);
  assert.equal(
    said,
    "PORT_UNUSABLE\nport 1 of 127.0.0.1 may be used by root only\n" +
      "Choose a port from 1024 on, or lower net.ipv4.ip_unprivileged_port_start.",
  );
});
