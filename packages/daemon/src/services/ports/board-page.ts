/**
 * The page at http://localhost:7080: machines and what listens in them. It is told of changes, asks for nothing, and can
 * change nothing. Everything that a guest chose is escaped here, and the policy lets no script but the page's own run.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { linkTo } from "./host-name.ts";
import { answerPlainly, escapeHtml, OWN_HEADERS, STYLE } from "./plain-answer.ts";
import type { BoardMachine, PortBoard } from "./port-board.ts";

export type PageDeps = {
  readonly board: PortBoard;
  readonly gatewayPort: () => number;
  /** unguessable, new for each answer */
  readonly nonce: () => string;
};

const MAX_VIEWERS = 32;
const SCRIPT =
  'const main=document.querySelector("main"),note=document.querySelector("#note"),events=new EventSource("/events");' +
  'events.onmessage=({data})=>{main.innerHTML=JSON.parse(data);note.textContent="live"};' +
  'events.onerror=()=>{note.textContent="not connected"};';

export class BoardPage {
  readonly #deps: PageDeps;
  #viewers = 0;

  constructor(deps: PageDeps) {
    this.#deps = deps;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number, message: string) => answerPlainly(request, response, { status, message });
    const path = request.url?.split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") refuse(405, "This page is only for reading.");
    else if (path === "/") this.#whole(request, response);
    else if (path !== "/events") refuse(404, "There is no such page.");
    else if (!isSameOrigin(request)) refuse(403, "This is for the page itself.");
    else if (this.#viewers >= MAX_VIEWERS) refuse(503, `${MAX_VIEWERS} pages are open already.`);
    else this.#live(response);
  }

  #whole(request: IncomingMessage, response: ServerResponse): void {
    const nonce = this.#deps.nonce();
    const body =
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>banger</title>` +
      `<meta name="viewport" content="width=device-width"><style nonce="${nonce}">${STYLE}</style></head>` +
      `<body><h1>Machines <small id="note" aria-live="polite"></small></h1><main>${this.#table()}</main>` +
      `<script nonce="${nonce}">${SCRIPT}</script></body></html>\n`;
    response.writeHead(200, {
      ...OWN_HEADERS,
      "content-security-policy":
        `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "content-type": "text/html; charset=utf-8",
      "content-length": Buffer.byteLength(body),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  /** Server-sent events: the table anew, when it is another. A reader that is slow gets the last one only. */
  #live(response: ServerResponse): void {
    response.writeHead(200, { ...OWN_HEADERS, "content-type": "text/event-stream" });
    let shown = "";
    const show = () => {
      if (response.writableNeedDrain) return;
      const table = this.#table();
      if (table === shown) return;
      shown = table;
      response.write(`data: ${JSON.stringify(table)}\n\n`);
    };
    this.#viewers += 1;
    const watch = this.#deps.board.watch(show);
    response.on("drain", show);
    response.once("close", () => {
      this.#viewers -= 1;
      watch[Symbol.dispose]();
    });
    show();
  }

  #table(): string {
    return boardTable(this.#deps.board.machines(), this.#deps.gatewayPort());
  }
}

/** Browsers say where a request comes from; programs do not, and may read what they like. */
function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" || site === "none";
}

export function boardTable(machines: readonly BoardMachine[], gatewayPort: number): string {
  if (machines.length === 0) return "<p>There are no machines. <code>banger run</code> makes one.</p>";
  const rows = machines.flatMap(({ name, state, ports }) => {
    const machine = `<td>${escapeHtml(name)}</td><td>${state}</td>`;
    if (!ports || ports.length === 0) {
      const why = state !== "running" ? "" : ports ? "nothing listens" : "looking ...";
      return [`<tr>${machine}<td colspan="2" class="dim">${why}</td></tr>`];
    }
    return ports.map(({ port, process }) => {
      const link = escapeHtml(linkTo({ name, port, gatewayPort }));
      return `<tr>${machine}<td><a href="${link}" rel="noreferrer">${link}</a></td><td>${escapeHtml(process)}</td></tr>`;
    });
  });
  return `<table><thead><tr><th>Machine</th><th>State</th><th>Port</th><th>Process</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
