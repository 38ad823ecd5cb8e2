/** A command in a machine, with its streams. */
import type { Readable, Writable } from "node:stream";
import type { ExecEnd } from "@banger/contract/daemon/exec-end";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { appErrorOf } from "./app-error.ts";
import type { BangerClient } from "./client.ts";
import { LastingExec } from "./exec/lasting-exec.ts";
import type { Reconnect } from "./lost-daemon.ts";

/** `detached`: it goes on in the background */
export type ExecStatus = { readonly status: number } | { readonly signal: number } | { readonly detached: true };

export type ExecSession = AsyncDisposable & {
  /** by which it can be attached to */
  readonly id: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** when the command has ended, or goes on without us, and all its output has come */
  readonly ended: Promise<ExecStatus>;
  resize(size: { rows: number; columns: number }): void;
  /** to the foreground process group */
  signal(number: number): void;
  /** leaves it running in the background */
  detach(): void;
};

export type ExecOptions = {
  readonly signal?: AbortSignal | undefined;
  /** to go on when the daemon is lost; without it the command is hung up then, after a while */
  readonly reconnect?: Reconnect;
};

/** Uses the connection up. Disposing before the end hangs the command up. */
export async function exec(
  client: BangerClient,
  params: InputOf<DaemonMethods, "exec.run">,
  options: ExecOptions = {},
): Promise<ExecSession> {
  const { result, mux } = await client.upgrade("exec.run", params, { signal: options.signal, endsSoftly: true });
  const { exec: id, machine } = result;
  const command = { ref: machine, exec: id, tty: params.tty !== undefined, stdin: params.stdin ?? false };
  const from = { stdin: 0, stdout: 0, stderr: 0 };
  return sessionOf(id, new LastingExec(mux, command, { from, reconnect: options.reconnect }));
}

export type AttachedSession = ExecSession & {
  readonly argv: readonly string[];
  readonly tty: boolean;
  /** whether what is written to `stdin` reaches it */
  readonly takesInput: boolean;
};

/** Takes up a command that was left running; it goes on whatever becomes of us. Uses the connection up. */
export async function attachTo(
  client: BangerClient,
  params: { readonly ref: string; readonly exec?: string; readonly stdin: boolean },
  options: ExecOptions = {},
): Promise<AttachedSession> {
  const { result, mux } = await client.upgrade("exec.attach", params, { signal: options.signal, endsSoftly: true });
  const { exec: id, machine, argv, tty, from } = result;
  const command = { ref: machine, exec: id, tty, stdin: params.stdin };
  const lasting = new LastingExec(mux, command, { from, reconnect: options.reconnect });
  return { ...sessionOf(id, lasting), argv, tty, takesInput: params.stdin && result.stdin };
}

function sessionOf(id: string, lasting: LastingExec): ExecSession {
  const { stdin, stdout, stderr } = lasting;
  const ended = lasting.ended.then(statusOf);
  ended.catch(() => undefined); // told to whoever awaits it
  return {
    ...{ id, stdin: stdin.writable, stdout: stdout.readable, stderr: stderr.readable, ended },
    resize: (size) => lasting.resize(size),
    signal: (number) => lasting.signal(number),
    detach: () => lasting.detach(),
    [Symbol.asyncDispose]: () => lasting[Symbol.asyncDispose](),
  };
}

function statusOf(end: ExecEnd): ExecStatus {
  if (!("error" in end)) return end;
  throw appErrorOf(end.error);
}
