/** A machine as clients are shown it. What a guest said of itself is sanitised where it is printed. */
import type { PublishedPort } from "@banger/contract/daemon/port";
import type { VmView } from "@banger/contract/daemon/vm";
import { type AgentBuild, parseAgentBuild, sameAgent } from "@banger/contract/guest/agent-build";
import type { AgentFacts } from "../guest/agent-facts.ts";
import type { LiveMachine } from "./deps.ts";
import type { Machine } from "./vm-store.ts";

const ISOLATION = {
  kvm: "hardware virtualisation",
  tcg: "emulation: a convenience, not a security boundary",
} as const;

export function vmView(
  { record, state, lastError }: Machine,
  now: { live: LiveMachine | undefined; driver: string; agent: AgentBuild },
): VmView {
  const accelerator = record.run?.accelerator ?? null;
  const cutOff = state === "running" ? breachOf(now.live) : null;
  const facts = cutOff ? undefined : now.live?.guest.facts;
  return {
    id: record.id,
    name: record.name,
    state,
    image: record.image,
    kernel: record.kernel,
    vcpus: record.vcpus,
    memoryMib: record.memoryMib,
    diskMib: record.diskMib,
    ephemeral: record.ephemeral,
    createdAt: record.createdAt,
    startedAt: state === "running" ? (record.run?.startedAt ?? null) : null,
    vmm: { driver: now.driver, accelerator },
    network: { mode: "shut", open: record.published.map(publishedText) },
    isolation: accelerator ? ISOLATION[accelerator] : "not started yet",
    agent: facts ? agentView(facts, now.agent) : null,
    lastError: cutOff ?? lastError,
  };
}

/** A guest that broke the protocol runs on, but nothing in it is reached until it or the daemon is started again. */
function breachOf(live: LiveMachine | undefined): VmView["lastError"] {
  const error = live?.guest.error;
  if (error?.code !== "GUEST_PROTOCOL") return null;
  return { code: error.code, message: `${error.message}; nothing in it is reached until it is started again` };
}

function agentView({ build, role }: AgentFacts, ours: AgentBuild): VmView["agent"] {
  const said = parseAgentBuild(build?.printable() ?? "");
  return { ...said, role: role ?? "", ...(!sameAgent(said, ours) && { expected: ours.build }) };
}

/** `127.0.0.1:8080 to 80` */
function publishedText({ address, host, guest }: PublishedPort): string {
  return `${address.includes(":") ? `[${address}]` : address}:${host} to ${guest}`;
}
