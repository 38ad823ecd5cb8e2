/** `stats`: how running machines are doing, once or until a signal ends it. */
import type { StatsSample } from "@banger/contract/daemon/stats";
import type { AppError } from "@banger/contract/errors";
import { formatBytes } from "@banger/contract/sizes";
import type { BangerClient } from "@banger/sdk/client";
import { resolveRefs } from "@banger/sdk/refs";
import { type Stats, sampleStats, statsBetween } from "@banger/sdk/stats";
import { jsonOption } from "../../arguments/output-options.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { liveBlock } from "../../output/live-block.ts";
import type { Output } from "../../output/output.ts";
import { asAppError, errorJson, writeError } from "../../output/report-error.ts";
import { formatTable, type Screen, WHOLE } from "../../output/table.ts";
import { formatDuration } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

const FIRST_MS = 500;
const EACH_MS = 1_000;

export const command = defineCommand(
  {
    description:
      "Shows what machines use: first as the guest itself tells, then what the host sees of its VMM and its files. " +
      "Processor time is in percent of one processor. At a terminal it goes on each second until Ctrl-C. Without MACHINE: all that run.",
    args: { machine: { arity: "rest", ...runningMachineRef } },
    options: {
      stream: { help: "go on each second without a terminal too; with --json a line each time" },
      "no-stream": { help: "one sample, at a terminal too" },
      json: { ...jsonOption, help: "print the answer as JSON; one sample, unless --stream is given" },
    },
    endsBySignal: true,
    without: { quiet: "its answer is numbers" },
    examples: [
      { line: "banger stats --no-stream", help: "all machines, once" },
      { line: "banger stats web --stream", help: "one, until Ctrl-C", endless: true },
      { line: "banger stats web db --json", help: "two, for programs" },
    ],
  },
  async ({ args, options }, context) => {
    const { stream, json } = options;
    const client = await context.daemon.connect();
    const refs = async () => (args.machine.length > 0 ? args.machine : await running(client));
    const isEndless = stream || (context.out.isTty && !json && !options["no-stream"]);
    if (isEndless) return await goOn({ client, refs, json, named: args.machine.length > 0 }, context);
    return await eachRef(context, {
      refs: await refs(),
      resolve: (several) => resolveRefs(client, { kind: "machine", refs: several }),
      json,
      act: (ref) => once(client, ref, context),
      view: (stats) => stats,
      print: (all) => {
        if (all.length > 0 || args.machine.length === 0) context.out.write(table(all, context.out));
      },
    });
  },
);

async function running(client: BangerClient): Promise<readonly string[]> {
  const { machines } = await client.call("vm.list", {});
  return machines.filter(({ state }) => state === "running" || state === "paused").map(({ id }) => id);
}

async function once(client: BangerClient, ref: string, { signal, pause }: Context): Promise<Stats> {
  const before = await sampleStats(client, ref, { signal });
  await pause(FIRST_MS, signal);
  return statsBetween(before, await sampleStats(client, ref, { signal }));
}

type Going = {
  readonly client: BangerClient;
  readonly refs: () => Promise<readonly string[]>;
  readonly json: boolean;
  /** machines were asked for by name: without any of them there is nothing to go on with */
  readonly named: boolean;
};

type Looked =
  | { readonly ref: string; readonly sample: StatsSample }
  | { readonly ref: string; readonly error: AppError };

/** Ends by the signal, or when none of the machines that were asked for is left. */
async function goOn({ client, refs, json, named }: Going, context: Context): Promise<never> {
  const { out, err, signal, pause } = context;
  const block = liveBlock(out, { keep: "first" });
  const show = (text: string) => (out.isLive ? block.draw(text.trimEnd().split("\n")) : out.write(text));
  let before = new Map<string, StatsSample>();
  for (let round = 0; ; round += 1) {
    const looked = await Promise.all((await refs()).map((ref) => look(client, ref, signal)));
    const now = new Map(looked.flatMap((one) => ("sample" in one ? [[one.sample.machine.id, one.sample]] : [])));
    const samples = [...now.values()]; // one of each, whatever it was called
    const failed = looked.flatMap((one) => ("error" in one ? [one.error] : []));
    if (named && failed[0] && samples.length === 0) throw failed[0];
    if (round === 0 && named && !json) for (const error of failed) writeError(error, { err, json, status: 0 });
    if (round > 0 && json) out.line(JSON.stringify(document(looked, { before, now: context.now() })));
    else if (round > 0)
      show(
        table(
          samples.map((sample) => statsBetween(before.get(sample.machine.id), sample)),
          out,
        ),
      );
    before = now;
    await taken(out, signal);
    await pause(round === 0 ? FIRST_MS : EACH_MS, signal);
  }
}

async function look(client: BangerClient, ref: string, signal: AbortSignal): Promise<Looked> {
  try {
    return { ref, sample: await sampleStats(client, ref, { signal }) };
  } catch (error) {
    signal.throwIfAborted();
    return { ref, error: asAppError(error) };
  }
}

function document(looked: readonly Looked[], at: { before: ReadonlyMap<string, StatsSample>; now: number }): object {
  const results = looked.map((one) =>
    "error" in one
      ? { ref: one.ref, error: errorJson(one.error) }
      : { ref: one.ref, result: statsBetween(at.before.get(one.sample.machine.id), one.sample) },
  );
  return { at: new Date(at.now).toISOString(), results };
}

/** Whoever does not read gets no more than they read, and can be interrupted meanwhile. */
async function taken(out: Output, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([out.flush(), promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const COLUMNS = [
  { head: "MACHINE", rank: 0, least: 20 },
  { head: "CPU", rank: 0, least: WHOLE },
  { head: "MEMORY", rank: 1, least: WHOLE },
  { head: "ROOT", rank: 4, least: WHOLE },
  { head: "WORK", rank: 3, least: WHOLE },
  { head: "LOAD", rank: 7, least: WHOLE },
  { head: "TASKS", rank: 9, least: WHOLE },
  { head: "UP", rank: 8, least: WHOLE },
  { head: "HOST CPU", rank: 5, least: WHOLE },
  { head: "HOST MEMORY", rank: 2, least: WHOLE },
  { head: "HOST DISK", rank: 6, least: WHOLE },
];

function table(all: readonly Stats[], screen: Screen): string {
  return formatTable(COLUMNS, all.map(row), screen);
}

function row({ machine, guest, host }: Stats): string[] {
  const seen = [percent(host.cpuPercent), formatBytes(host.residentBytes), formatBytes(host.diskBytes)];
  const why = machine.state === "paused" ? "paused" : "no answer";
  if (!guest) return [machine.name, why, "-", "-", "-", "-", "-", "-", ...seen];
  const { cpuPercent, memory, root, work, load, processes, uptimeMs } = guest;
  const inside = [
    used(memory),
    used(root),
    used(work),
    load[0].toFixed(2),
    String(processes),
    formatDuration(uptimeMs),
  ];
  return [machine.name, percent(cpuPercent), ...inside, ...seen];
}

function used(space: { readonly used: number; readonly total: number } | null): string {
  return space ? `${formatBytes(space.used)} of ${formatBytes(space.total)}` : "-";
}

function percent(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(1)}%`;
}
