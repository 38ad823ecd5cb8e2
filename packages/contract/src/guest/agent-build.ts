/** What an agent says of its build, taken apart. Text that is none is kept whole, for agents are older, and guests lie. */
import * as z from "zod";

const UNKNOWN = "unknown";

export const AgentBuild = z.object({
  /** `VERSION+SOURCES`: two agents that have it in common are the same program */
  build: z.string(),
  /** the last commit that touched its sources, with `+` where files differed from it */
  commit: z.string().default(UNKNOWN),
  /** ISO 8601 in UTC, of the commit unless the build said otherwise */
  builtAt: z.string().default(UNKNOWN),
});
export type AgentBuild = Readonly<z.infer<typeof AgentBuild>>;

const SAID = /^(\S+) \((\S+), built (\S+)\)$/;

export function parseAgentBuild(text: string): AgentBuild {
  const [, build = text || UNKNOWN, commit = UNKNOWN, builtAt = UNKNOWN] = SAID.exec(text) ?? [];
  return { build, commit, builtAt };
}

export function formatAgentBuild({ build, commit, builtAt }: AgentBuild): string {
  return commit === UNKNOWN && builtAt === UNKNOWN ? build : `${build} (${commit}, built ${builtAt})`;
}

/** What is not known is no other build. */
export function sameAgent(one: AgentBuild, other: AgentBuild): boolean {
  return one.build === other.build || one.build === UNKNOWN || other.build === UNKNOWN;
}
