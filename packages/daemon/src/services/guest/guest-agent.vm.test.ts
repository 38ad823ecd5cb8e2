/** The suite of every agent against the one in C. */
import { agentMissing, startAgent } from "../../testing/agent-in-c.ts";
import { guestAgentConformance } from "./testing/guest-agent-conformance.ts";

guestAgentConformance({ name: "agent in C", skip: agentMissing(), start: startAgent });
