/** A server in a machine, and two ways to it: through a plain forward, and by name. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { freePort } from "@banger/platform/testing/free-port";
import { exec as execIn } from "@banger/sdk/exec";
import * as z from "zod";
import type { Bench } from "../measurement.ts";
import { buildProgram } from "../native.ts";
import type { Product } from "../product.ts";

export type Way = { readonly port: number; readonly host: string; readonly agent: Agent };
export type Server = AsyncDisposable & { readonly plain: Way; readonly named: Way };

const SERVER = "/run/server";
const PORT = 3000;
const Link = z.object({ port: z.int(), url: z.string().nullable() });
const Ports = z.object({ results: z.array(z.object({ result: z.object({ ports: z.array(Link) }) })) });

export async function openServer(bench: Bench, id: string): Promise<Server> {
  const { product } = bench;
  const input = await readFile(await buildProgram(bench.exec, { root: bench.root, name: "server" }));
  const put = `cat > ${SERVER}.new && chmod 755 ${SERVER}.new && mv ${SERVER}.new ${SERVER}`;
  await product.cli(["exec", "-i", id, "sh", "-c", put], { input });
  const serving = await execIn(await product.connect(), { ref: id, argv: [SERVER, String(PORT)] });
  serving.ended.catch(() => undefined); // ended by us
  await once(serving.stdout, "readable");
  const forwarded = await freePort();
  const stop = new AbortController();
  const forwarding = await forward(product, { id, port: forwarded, signal: stop.signal });
  const url = new URL(await urlOf(product, id));
  const plain = { port: forwarded, host: "localhost", agent: new Agent({ keepAlive: true }) };
  const named = { port: Number(url.port), host: url.host, agent: new Agent({ keepAlive: true }) };
  return {
    plain,
    named,
    async [Symbol.asyncDispose]() {
      for (const { agent } of [plain, named]) agent.destroy();
      stop.abort();
      await forwarding.ended;
      await serving[Symbol.asyncDispose]();
    },
  };
}

/** `ms` from the request to the last byte of its answer. */
export async function get({ port, host, agent }: Way, bytes: number): Promise<number> {
  const start = performance.now();
  const sent = request({ port, host: "127.0.0.1", path: `/${bytes}`, headers: { host }, agent });
  const answer = once(sent, "response");
  sent.end();
  const [response] = await answer;
  let read = 0;
  for await (const chunk of response) read += chunk.length;
  if (read !== bytes) throw new Error(`${read} of ${bytes} bytes came from ${host}`);
  return performance.now() - start;
}

async function forward(
  product: Product,
  { id, port, signal }: { id: string; port: number; signal: AbortSignal },
): Promise<{ ended: Promise<unknown> }> {
  const client = await product.connect();
  const ready = Promise.withResolvers<void>();
  const params = { ref: id, ports: [{ address: "127.0.0.1", host: port, guest: PORT }] };
  const ended = client
    .call("port.forward", params, { signal, onProgress: () => ready.resolve() })
    .catch((error: unknown) => ready.reject(error));
  await ready.promise;
  return { ended };
}

async function urlOf(product: Product, id: string): Promise<string> {
  const { stdout } = await product.cli(["ports", id, "--json"]);
  const { results } = Ports.parse(JSON.parse(stdout.toString("utf8")));
  const url = results[0]?.result.ports.find(({ port }) => port === PORT)?.url;
  if (!url) throw new Error(`no link leads to port ${PORT}: ${stdout.toString("utf8")}`);
  return url;
}
