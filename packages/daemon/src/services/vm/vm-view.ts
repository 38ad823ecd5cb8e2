/** A machine as clients are shown it. What a guest said of itself is sanitised where it is printed. */
import type { PublishedPort } from "@banger/contract/daemon/port";
import type { VmState, VmView } from "@banger/contract/daemon/vm";
import { type AgentBuild, parseAgentBuild, sameAgent } from "@banger/contract/guest/agent-build";
import type { VmId } from "@banger/contract/ids";
import type { AgentFacts } from "../guest/channel/agent-facts.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { isUp } from "./lifecycle.ts";
import { type MachineRecord, variableName } from "./machine-record.ts";
import type { Machine } from "./vm-store.ts";

export type ViewDeps = Pick<VmDeps, "live" | "driver" | "agent">;

const ISOLATION = {
  kvm: "hardware virtualisation",
  tcg: "emulation: a convenience, not a security boundary",
} as const;

/** As it is now. Throws VM_NOT_FOUND. */
export function viewOf(deps: ViewDeps & Pick<VmDeps, "store">, id: VmId): VmView {
  return vmView(deps, deps.store.mustGet(id));
}

export function vmView({ live, driver, agent }: ViewDeps, { record, state, lastError }: Machine): VmView {
  const accelerator = record.run?.accelerator ?? null;
  const cutOff = state === "running" ? breachOf(live.get(record.id)) : null;
  const facts = cutOff ? undefined : live.get(record.id)?.guest.facts;
  return {
    id: record.id,
    name: record.name,
    state,
    image: record.image,
    kernel: record.kernel,
    ...sizingOf(record, state),
    diskMib: record.diskMib,
    ephemeral: record.ephemeral,
    variables: record.environment.map(variableName),
    createdAt: record.createdAt,
    startedAt: isUp(state) ? (record.run?.startedAt ?? null) : null,
    vmm: { driver: driver.name, accelerator },
    network: { mode: "shut", open: record.published.map(publishedText) },
    isolation: accelerator ? ISOLATION[accelerator] : "not started yet",
    agent: facts ? agentView(facts, agent) : null,
    lastError: cutOff ?? lastError ?? (state === "running" ? silenceOf(live.get(record.id)) : null),
  };
}

/** A guest that broke the protocol runs on, but nothing in it is reached until it or the daemon is started again. */
function breachOf(live: LiveMachine | undefined): VmView["lastError"] {
  const error = live?.guest.error;
  if (error?.code !== "GUEST_PROTOCOL") return null;
  return { code: error.code, message: `${error.message}; nothing in it is reached until it is started again` };
}

/** One that says nothing may be starved, or have nobody left who could answer. */
function silenceOf(live: LiveMachine | undefined): VmView["lastError"] {
  if (!live?.guest.isMissed) return null;
  return {
    code: "GUEST_SILENT",
    message: "the guest's agent does not answer; a restart of the machine brings it back",
  };
}

/** What it runs with, and what the next start makes of that. */
function sizingOf(
  { vcpus, memoryMib, run }: MachineRecord,
  state: VmState,
): Pick<VmView, "vcpus" | "memoryMib" | "nextStart"> {
  const now = isUp(state) ? { vcpus: run?.vcpus ?? vcpus, memoryMib: run?.memoryMib ?? memoryMib } : undefined;
  if (!now) return { vcpus, memoryMib, nextStart: null };
  const nextStart = {
    ...(vcpus !== now.vcpus && { vcpus }),
    ...(memoryMib !== now.memoryMib && { memoryMib }),
  };
  return { ...now, nextStart: Object.keys(nextStart).length > 0 ? nextStart : null };
}

function agentView({ build, role }: AgentFacts, ours: AgentBuild): VmView["agent"] {
  const said = parseAgentBuild(build?.printable() ?? "");
  return { ...said, role: role ?? "", ...(!sameAgent(said, ours) && { expected: ours.build }) };
}

/** `127.0.0.1:8080 to 80` */
function publishedText({ address, host, guest }: PublishedPort): string {
  return `${address.includes(":") ? `[${address}]` : address}:${host} to ${guest}`;
}
