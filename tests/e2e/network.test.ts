/**
 * A guest reaches nothing. What it would reach is put where its VMM could: listeners in the VMM's own network namespace, and one
 * on the host's loopback. The same guest under a QEMU whose `restrict=on` was taken away proves that the test can fail.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, readlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { Command } from "../harness/command.ts";
import { node } from "../harness/home.ts";
import { cannotMount, restartWithQemu } from "../harness/other-qemu.ts";
import { openHome } from "../harness/scenarios.ts";

const { home, scenario } = await openHome({ images: ["minimal"] });

const PORT = 7777;
/** of the host's loopback as slirp shows it, its resolver, metadata services, and a private network */
const targets = ["10.0.2.2", "10.0.2.3", "169.254.169.254", "192.168.77.1"];

/** Sets the interface up by hand, then tries every address at the same time. */
function probe(ports: readonly number[]): string {
  const tries = targets.flatMap((host) => ports.map((port) => `try ${host} ${port} &`));
  return `ip link set eth0 up && ip address replace 10.0.2.15/24 dev eth0 && ip route replace default via 10.0.2.2
    try() { timeout 4 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null && echo "reached $1:$2"; }
    ${tries.join("\n")}
    wait
    ip neighbour show 10.0.2.2 | grep -q lladdr && echo the interface works`;
}

async function qemuOf(name: string): Promise<number> {
  const { id } = Object(await home.json(["show", name])) as { id: string };
  const handles = JSON.parse(await readFile(join(home.state, "machines", id, "handles.json"), "utf8"));
  return handles.vmm.pid;
}

/** In the VMM's network namespace: its loopback gets the addresses, and something listens on all of them. */
async function listenBeside(t: TestContext, pid: number): Promise<Command | undefined> {
  const listen = `require("net").createServer().listen(${PORT}, "0.0.0.0", () => console.log("listening"))`;
  const addresses = targets.filter((each) => each !== "10.0.2.2");
  const script = `ip link set lo up && ${addresses.map((each) => `ip address add ${each}/32 dev lo`).join(" && ")} && exec "$0" -e '${listen}'`;
  const user =
    (await readlink(`/proc/${pid}/ns/user`)) === (await readlink("/proc/self/ns/user"))
      ? []
      : ["-U", "--preserve-credentials"];
  const listener = new Command(["nsenter", "-t", String(pid), "-n", ...user, "sh", "-c", script, node], {
    env: home.env,
  });
  try {
    await listener.shows("listening");
    return listener;
  } catch (error) {
    cannotBeTested(t, `the network namespace of a machine can not be entered: ${String(error)}`);
    return undefined;
  }
}

scenario("neither the host's loopback nor anything that its VMM could reach is reached by a guest", async (t) => {
  const server = createServer(() => assert.fail("the host's loopback was reached")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  t.after(() => server.close());
  // An ordinary user may set up a VMM's network only from a user namespace around the daemon.
  if (process.getuid?.() !== 0) {
    const cannot = await cannotMount(home);
    if (cannot !== undefined) return cannotBeTested(t, cannot);
    await restartWithQemu(home, 'exec "$REAL" "$@"');
  }
  await home.ok(["run", "-dq", "--name", "shut", "--image", "minimal"]);
  const qemu = await qemuOf("shut");
  await using listener = await listenBeside(t, qemu);
  if (!listener) return;
  assert.equal(await home.ok(["exec", "shut", "bash", "-c", probe([port, PORT])]), "the interface works\n");
  assert.deepEqual(Object(await home.json(["show", "shut"])).network, { mode: "shut", open: [] });
  assert.notEqual(await readlink(`/proc/${qemu}/ns/net`), await readlink("/proc/self/ns/net"));
});

scenario(
  "the same guest reaches what is beside its VMM once restrict=on is taken away, but not the host",
  async (t) => {
    const cannot = await cannotMount(home);
    if (cannot !== undefined) return cannotBeTested(t, cannot);
    const open = `for each; do
      shift
      case $each in user,*) each=\${each%,restrict=on} ;; esac
      set -- "$@" "$each"
    done
    exec "$REAL" "$@"`;
    await restartWithQemu(home, open);
    await home.ok(["run", "-dq", "--name", "open", "--image", "minimal"]);
    await using listener = await listenBeside(t, await qemuOf("open"));
    if (!listener) return;
    const reached = (await home.ok(["exec", "open", "bash", "-c", probe([PORT])])).split("\n");
    for (const host of ["10.0.2.2", "169.254.169.254", "192.168.77.1"])
      assert.ok(reached.includes(`reached ${host}:${PORT}`), host);
  },
);
