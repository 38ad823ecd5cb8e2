/** `ports`: what listens in machines, and how it is reached. */
import type { PortList } from "@banger/contract/daemon/port";
import { resolveRefs } from "@banger/sdk/refs";
import { jsonOption } from "../../arguments/output-options.ts";
import { publishedAddress } from "../../arguments/published-port.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { formatTable, WHOLE } from "../../output/table.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Lists the TCP ports that something in a machine listens on, with a link where it answered HTTP just now, and the " +
      "ports of this host that lead to it. Without MACHINE: of all machines that run.",
    args: { machine: { arity: "rest", ...runningMachineRef } },
    options: { quiet: { short: "q", help: "print links and addresses only" }, json: jsonOption },
    examples: [
      { line: "banger ports", help: "of all machines" },
      { line: "banger ports web --json", help: "of one, for programs" },
    ],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.machine.length > 0 ? args.machine : await running(),
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      act: (ref) => client.call("port.list", { ref }, { signal: context.signal }),
      view: (list) => list,
      print: (lists) =>
        context.out.write(options.quiet ? addresses(lists) : formatTable(COLUMNS, lists.flatMap(rows), context.out)),
    });

    async function running(): Promise<string[]> {
      const { machines } = await client.call("vm.list", {});
      return machines.filter(({ state }) => state === "running").map(({ id }) => id);
    }
  },
);

const COLUMNS = [
  { head: "MACHINE", rank: 1 },
  { head: "PORT", rank: 0, least: WHOLE },
  { head: "PROCESS", rank: 2 },
  { head: "PID", rank: 4, least: WHOLE },
  { head: "PROTOCOL", rank: 3, least: WHOLE },
  { head: "LINK", rank: 0, least: WHOLE },
];

/** A row for each way to a port: several in one would leave no room for anything else. */
function rows({ machine, ports, published }: PortList): string[][] {
  const leading = (port: number) =>
    published
      .filter(({ guest }) => guest === port)
      .map((one) => `${publishedAddress(one)}${one.listening ? "" : " (not listened on)"}`);
  const open = ports.flatMap(({ port, process, pid, protocol, url }) => {
    const links = [...(url === null ? [] : [url]), ...leading(port)];
    const listener = [machine.name, String(port), process || "-", String(pid ?? "-"), shown(protocol)];
    return (links.length > 0 ? links : ["-"]).map((link) => [...listener, link]);
  });
  const closed = new Set(
    published.map(({ guest }) => guest).filter((guest) => !ports.some(({ port }) => port === guest)),
  );
  const idle = [...closed].flatMap((port) =>
    leading(port).map((link) => [machine.name, String(port), "-", "-", "-", link]),
  );
  return [...open, ...idle];
}

/** What a client connects to, one a line. */
function addresses(lists: readonly PortList[]): string {
  const of = ({ ports, published }: PortList) => [
    ...ports.flatMap(({ url }) => url ?? []),
    ...published.filter(({ listening }) => listening).map(publishedAddress),
  ];
  return lists
    .flatMap(of)
    .map((address) => `${address}\n`)
    .join("");
}

function shown(protocol: PortList["ports"][number]["protocol"]): string {
  return protocol === "none" ? "no answer" : protocol;
}
