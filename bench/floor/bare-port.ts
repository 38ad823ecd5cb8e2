/**
 * The floor of everything that moves bytes: a machine with the product's own QEMU arguments and one port more, on both ends of
 * which a C program reads or writes in a loop. The product's port lies beside it on the same device, driven by the same code
 * of QEMU and of the kernel; over it the program is put into the machine and started.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { GuestChannel } from "@banger/daemon/services/guest/channel/guest-channel";
import { ExecSession } from "@banger/daemon/services/guest/exec-session";
import { writeFile } from "@banger/daemon/services/guest/files";
import { machineFiles } from "@banger/daemon/services/vm/machine-files";
import type { Bench } from "../measurement.ts";
import { buildProgram } from "../native.ts";
import { makeDisks, modelOf } from "./floor.ts";

export type Direction = "in" | "out";
export type BarePort = AsyncDisposable & {
  /** `ms` for so many bytes into the machine, or out of it */
  move(direction: Direction, bytes: number): Promise<number>;
};

const PORT = "bare.port";
const PROGRAM = "/run/port";
const DEVICE_SCRIPT = `for port in /sys/class/virtio-ports/*; do [ "$(cat $port/name)" = ${PORT} ] && echo /dev/\${port##*/}; done`;
const GUEST = { deadlineMs: 180_000 } as const;

export async function openBarePort(bench: Bench, image: string): Promise<BarePort> {
  const program = await buildProgram(bench.exec, { root: bench.root, name: "port" });
  const model = await modelOf(bench, image);
  const directory = await mkdtemp(join(tmpdir(), "banger-port-"));
  const files = machineFiles(directory, model.id);
  await makeDisks(bench, files, model);
  const at = (name: string) => join(directory, name);
  const argv = withPort(model.argv, at).map((word) => word.replaceAll(model.directory, files.directory));
  const stop = new AbortController();
  const vmm = bench.exec.run(argv, { signal: AbortSignal.any([bench.signal, stop.signal]), check: false });
  const session = randomBytes(16);
  const channel = GuestChannel.open({ connect: () => connected(at("agent.sock")), session, build: "bench" });
  const close = async () => {
    channel.destroy(undefined);
    stop.abort();
    await vmm.catch(() => undefined); // ended by us
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const run = async (argv: readonly string[]) =>
      await ExecSession.start(channel, { id: randomBytes(8).toString("hex"), argv }, GUEST);
    const source = Readable.from([await readFile(program)]);
    await writeFile(channel, { path: PROGRAM, mode: 0o755, source }, GUEST);
    const device = (await text((await run(["sh", "-c", DEVICE_SCRIPT])).stdout)).trim();
    const onHost = async (what: string, bytes: number) =>
      await bench.exec.run([program, what, at("bare.sock"), String(bytes)], { ...GUEST, signal: bench.signal });
    const inGuest = async (what: string, bytes: number) => await run([PROGRAM, what, device, String(bytes)]);
    return {
      async move(direction, bytes) {
        const other = await inGuest(direction === "in" ? "receive" : "send", bytes);
        other.stdout.resume();
        const { stdout } = await onHost(direction === "in" ? "send" : "receive", bytes);
        await other.exit;
        return Number(stdout.toString("utf8"));
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Sockets by their path, where the launcher would hand over descriptors; and one port more. */
function withPort(argv: readonly string[], at: (name: string) => string): readonly string[] {
  const own = argv.map((word) =>
    word
      .replace(/^socket,id=(qmp|agent),fd=\d+/, (_, name: string) => `socket,id=${name},path=${at(`${name}.sock`)}`)
      .replace(/^stdio,id=console.*/, `file,id=console,path=${at("console.log")}`),
  );
  const chardev = `socket,id=bare,path=${at("bare.sock")},server=on,wait=off`;
  return [...own, "-chardev", chardev, "-device", `virtserialport,bus=serial.0,chardev=bare,name=${PORT}`];
}

async function connected(path: string): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = connect(path);
  socket.once("connect", () => resolve(socket));
  socket.once("error", reject);
  return await promise;
}
