/** A fake daemon as a program, started the way the real one is: directories, a lock that lets one live, a line when ready. */
import { closeSync, writeSync } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HOLDER_FILE, SOCKET_FILE } from "@banger/contract/daemon/file-names";
import { AppError, errorCatalog } from "@banger/contract/errors";
import { DaemonFake } from "./daemon-fake.ts";

const READY_FD = 3;
const { values } = parseArgs({
  options: {
    state: { type: "string", default: "" },
    runtime: { type: "string", default: "" },
    cache: { type: "string", default: "" },
    full: { type: "boolean", default: false },
    fail: { type: "boolean", default: false },
    built: { type: "string", default: "" },
  },
});

if (values.fail) {
  const { code, message, hint } = new AppError("SCHEMA_NEWER", "the state has schema 9, this banger knows 3");
  process.stderr.write(`${JSON.stringify({ code, message, hint })}\n`);
  process.exit(errorCatalog[code].exit);
}
if (values.full) {
  const { code, message, hint } = new AppError("DISK_FULL", `no space left in ${values.state}`);
  writeSync(READY_FD, JSON.stringify({ code, message, hint }));
  process.exit(errorCatalog[code].exit);
}
const lock = join(values.state, "lock");
try {
  await (await open(lock, "wx")).close();
} catch {
  process.exit(errorCatalog.STATE_LOCKED.exit);
}
const socket = join(values.runtime, SOCKET_FILE);
const daemon = await DaemonFake.start({ socket, build: { version: "1.0.0", commit: "abc", builtAt: values.built } });
const holder = join(values.state, HOLDER_FILE);
await writeFile(holder, JSON.stringify({ pid: process.pid, socket }));
writeSync(READY_FD, `ready ${socket}\n`);
closeSync(READY_FD);
await daemon.stopped;
await rm(holder);
await rm(lock);
process.exit(0);
