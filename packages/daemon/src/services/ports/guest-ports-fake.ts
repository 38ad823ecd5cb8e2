/** A guest in memory in which things listen, with a channel to it as the daemon has one. */
import { randomBytes } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { GuestChannel } from "../guest/channel/guest-channel.ts";
import { FakeAgent } from "../guest/testing/guest-agent-fake.ts";

export class GuestWithPorts implements AsyncDisposable {
  readonly agent = new FakeAgent();
  readonly channel: GuestChannel;

  constructor() {
    this.channel = GuestChannel.open({
      connect: () => {
        const [host, guest] = duplexPair();
        this.agent.attach(guest);
        return Promise.resolve(host);
      },
      session: randomBytes(16),
      build: "0.0.0+test",
    });
  }

  listen(port: number, serve: (connection: Duplex) => void): void {
    this.agent.verbs.listeners.set(port, serve);
  }

  /** A whole HTTP server on a port of the guest. */
  serveHttp(port: number, answer: RequestListener): Server {
    const server = createServer(answer);
    this.listen(port, (connection) => void server.emit("connection", connection));
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel[Symbol.asyncDispose]();
  }
}
