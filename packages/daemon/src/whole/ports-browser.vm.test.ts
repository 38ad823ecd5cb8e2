/** The page about machines, and a machine's own page, as a browser shows them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { SocketOwners } from "@banger/platform/process/socket-table";
import { DaemonBench } from "../testing/daemon-bench.ts";

const BROWSER = "/usr/bin/chromium";
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync --remote-debugging-port=0";
const BROWSER_MS = 60_000;

/** A headless browser, spoken to over its debugging protocol. */
class Browser implements AsyncDisposable {
  readonly #child;
  readonly #closed;

  constructor(profile: string) {
    const options = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"], timeout: BROWSER_MS };
    this.#child = spawn(BROWSER, [...FLAGS.split(" "), `--user-data-dir=${profile}`, "about:blank"], options);
    this.#closed = once(this.#child, "close");
  }

  async origin(): Promise<string> {
    for await (const line of createInterface({ input: this.#child.stderr })) {
      const at = /DevTools listening on ws:\/\/([^/]+)\//.exec(line)?.[1];
      if (at === undefined) continue;
      this.#child.stderr.resume(); // or a browser that complains a lot stands still some day
      return `http://${at}`;
    }
    throw new Error("the browser ended without saying where it listens");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

/** A page of a browser. It counts as open when what was asked for is there, and not the blank one before it. */
class Page implements AsyncDisposable {
  readonly #origin: string;
  readonly #target: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>();
  readonly #gone = Promise.withResolvers<never>();
  readonly #loaded = new Set<unknown>();
  #onLoad: () => void = () => undefined;
  #asked = 0;

  private constructor(origin: string, { target, socket }: { target: string; socket: WebSocket }) {
    this.#origin = origin;
    this.#target = target;
    this.#socket = socket;
    this.#gone.promise.catch(() => undefined); // told to whoever waits for the page
    socket.addEventListener("close", () => this.#gone.reject(new Error("the browser has gone")));
    socket.addEventListener("message", ({ data }) => {
      const { id, result, method, params } = JSON.parse(String(data));
      this.#answers.get(id)?.(result ?? {});
      if (method !== "Page.lifecycleEvent" || params.name !== "load") return;
      this.#loaded.add(params.loaderId);
      this.#onLoad();
    });
  }

  static async open(origin: string, url: string): Promise<Page> {
    const made = await fetch(`${origin}/json/new?about:blank`, { method: "PUT" });
    const { id: target, webSocketDebuggerUrl } = Object(await made.json()) as Record<
      "id" | "webSocketDebuggerUrl",
      string
    >;
    const socket = new WebSocket(webSocketDebuggerUrl);
    await once(socket, "open");
    const page = new Page(origin, { target, socket });
    await page.#ask("Page.enable");
    await page.#ask("Page.setLifecycleEventsEnabled", { enabled: true });
    const { loaderId } = await page.#ask("Page.navigate", { url });
    const { promise, resolve } = Promise.withResolvers<void>();
    page.#onLoad = () => page.#loaded.has(loaderId) && resolve();
    page.#onLoad();
    await Promise.race([promise, page.#gone.promise]);
    return page;
  }

  /** What the expression, or its promise, comes to there. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    return Object(answer.result).value;
  }

  async #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    this.#asked += 1;
    this.#answers.set(this.#asked, resolve);
    this.#socket.send(JSON.stringify({ id: this.#asked, method, params }));
    return await Promise.race([promise, this.#gone.promise]);
  }

  /** A browser keeps six connections to a host, and each open page has one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await fetch(`${this.#origin}/json/close/${this.#target}`);
  }
}

/** Opens the address in a page of its own, and gives what the expression comes to there. */
async function look(origin: string, url: string, expression: string): Promise<unknown> {
  await using page = await Page.open(origin, url);
  return await page.evaluate(expression);
}

/** Resolves with the page's content when it holds the text. */
function whenShown(wanted: string): string {
  return `new Promise((resolve) => {
    const look = () => document.body.innerHTML.includes(${JSON.stringify(wanted)}) && resolve(document.body.innerHTML);
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
  })`;
}

test("a browser follows the page as ports come, runs no script of a guest's, and reaches a port by its name", async (t) => {
  const isThere = await access(BROWSER).then(
    () => true,
    () => false,
  );
  if (!isThere) return t.skip(`${BROWSER} is not installed`);
  await using bench = await DaemonBench.make();
  const owners = new SocketOwners();
  bench.ports = { peerUid: (connection) => owners.peerUid(connection) };
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const server = createServer((asked, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<p>${asked.headers.host}</p><script>document.title = "ran"</script>`);
  });
  bench.guests.of(id).verbs.listeners.set(3000, (connection) => void server.emit("connection", connection));
  const { ports } = await client.call("port.list", { ref: "web" });
  const link = ports[0]?.url ?? "";
  await using browser = new Browser(join(bench.config.cache, "browser"));
  const origin = await browser.origin();
  const page = `http://localhost:${new URL(link).port}/`;

  await using board = await Page.open(origin, page);
  assert.match(String(await board.evaluate(whenShown(">live<"))), /<td>web<\/td><td>running<\/td>/);
  const listed = String(await board.evaluate(whenShown(link))); // the guest was asked, so that it tells of changes
  assert.ok(listed.includes(`<a href="${link}" rel="noreferrer">${link}</a>`));
  const process = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
  bench.guests.of(id).event("ports", { port: [{ port: 81, process }] });
  const shown = String(await board.evaluate(whenShown("81.web.localhost")));
  assert.match(shown, /<td>&lt;img src=x onerror="document.title=1"&gt;&lt;script&gt;/);
  assert.equal(await look(origin, page, "document.title"), "banger");
  assert.equal(
    await look(origin, link, "document.title + document.querySelector('p').textContent"),
    `ran${new URL(link).host}`,
  );
  const foreign = `fetch(${JSON.stringify(`${page}events`)}).then(() => "read", () => "refused")`;
  assert.equal(await look(origin, link, foreign), "refused");
});
