/** Short answers of the gateway's own: one line for programs, a small page for browsers, never anything of a guest's as it is. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

export const STYLE =
  ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8886}" +
  "h1{font-size:1.3rem}small,.dim{color:GrayText}td{overflow-wrap:anywhere}";

/** Of every answer that is ours: nothing is loaded, framed, or read by another origin. */
export const OWN_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export type Plain = { readonly status: number; readonly message: string; readonly hint?: string };

export function answerPlainly(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, hint }: Plain,
): void {
  const isBrowser = request.headers.accept?.includes("text/html") === true;
  const lines = hint === undefined ? [message] : [message, hint];
  const body = isBrowser
    ? `<!doctype html><html lang="en"><meta charset="utf-8"><title>banger</title><style>${STYLE}</style>` +
      `<h1>${escapeHtml(message)}</h1>${hint === undefined ? "" : `<p>${escapeHtml(hint)}</p>`}</html>\n`
    : `${lines.join("\n")}\n`;
  // Said outright: what a guest's answer called its status may be there still.
  response.writeHead(status, STATUS_CODES[status], {
    ...OWN_HEADERS,
    "content-security-policy": POLICY,
    "content-type": isBrowser ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    // What is left of a request that is not served is not read either.
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
