import { socketPair } from "@banger/platform/testing/socket-pair";
import { type AgentUnderTest, guestAgentConformance } from "./testing/guest-agent-conformance.ts";
import { FakeAgent } from "./testing/guest-agent-fake.ts";

guestAgentConformance({
  name: "fake agent",
  async start(): Promise<AgentUnderTest> {
    const agent = new FakeAgent();
    return {
      connect: async () => {
        const [host, guest] = socketPair();
        agent.attach(guest);
        return host;
      },
      directory: "/work",
      user: "root",
      listen: async (serve) => {
        const port = 8_000 + agent.verbs.listeners.size;
        agent.verbs.listeners.set(port, serve);
        return port;
      },
      binary: async () => {
        const bytes = Buffer.from("9.9.9+new");
        return { bytes: one(bytes), size: bytes.length };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
