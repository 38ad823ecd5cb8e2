/** A command in a machine, with its streams. */
import type { Duplex, Readable, Writable } from "node:stream";
import { type ExecEnd, parseExecEnd } from "@banger/contract/daemon/exec-end";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { AppError, type ErrorCode, errorCatalog } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import type { BangerClient } from "./client.ts";

export type ExecStatus = { readonly status: number } | { readonly signal: number };

export type ExecSession = AsyncDisposable & {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** when the command has ended and all its output was read */
  readonly ended: Promise<ExecStatus>;
  resize(size: { rows: number; columns: number }): void;
  /** to the foreground process group */
  signal(number: number): void;
};

const MAX_END_BYTES = 64 * 1024;

/** Uses the connection up. Disposing before the end hangs the command up. */
export async function exec(
  client: BangerClient,
  params: InputOf<DaemonMethods, "exec.run">,
  options: { signal?: AbortSignal } = {},
): Promise<ExecSession> {
  const { mux } = await client.upgrade("exec.run", params, options);
  const control = mux.stream(execStreams.control);
  const tell = (message: unknown) => void control.write(`${JSON.stringify(message)}\n`);
  const ended = readEnd(control, mux);
  ended.catch(() => undefined); // told to whoever awaits it
  return {
    stdin: mux.stream(execStreams.stdin),
    stdout: mux.stream(execStreams.stdout),
    stderr: mux.stream(execStreams.stderr),
    ended,
    resize: (size) => tell({ resize: size }),
    signal: (number) => tell({ signal: number }),
    [Symbol.asyncDispose]: () => mux.close(),
  };
}

/** The daemon says one line on the control stream: how the command ended. */
async function readEnd(control: Duplex, mux: Mux): Promise<ExecStatus> {
  const text = await readText(control);
  if (text === "") await mux.closed; // rejects with why it was cut off
  const end = parseEnd(text);
  if (!("error" in end)) return end;
  const { code, message, hint } = end.error;
  throw new AppError(isCode(code) ? code : "INTERNAL", message, hint === undefined ? {} : { hint });
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    bytes += chunks.at(-1)?.length ?? 0;
    if (bytes > MAX_END_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseEnd(text: string): ExecEnd {
  try {
    return parseExecEnd(JSON.parse(text));
  } catch (cause) {
    throw new AppError("DAEMON_UNREACHABLE", "the daemon went away before the command ended", { cause });
  }
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}
