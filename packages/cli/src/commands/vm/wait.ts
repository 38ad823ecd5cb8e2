/** `wait`: comes back when machines have stopped, or what was left running in them has ended. */
import type { WaitFor, WaitResult } from "@banger/contract/daemon/wait";
import { AppError } from "@banger/contract/errors";
import { appErrorOf } from "@banger/sdk/app-error";
import { waitVm } from "@banger/sdk/wait";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parseDurationMs } from "../../arguments/parse-number.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

const TARGETS: readonly WaitFor[] = ["running", "stopped", "command"];
const MAX_TIMEOUT_MS = 20 * 24 * 3_600_000;
/** how a shell shows that a signal ended a program */
const SIGNALLED = 128;

export const command = defineCommand(
  {
    description:
      "Waits until the command that `run -d` left in a machine has ended, and prints its exit status, 128+N if signal N ended " +
      "it; of a machine without one, until it has stopped, and prints its name. Its own exit status is 0 when all came to be, " +
      "whatever the commands' were. Ctrl-C ends the waiting and nothing else.",
    args: { machine: { arity: "some", ...machineRef } },
    options: {
      for: {
        value: "WHAT",
        help: "wait for running, stopped or command instead",
        parse: parseTarget,
        completes: { values: TARGETS },
      },
      timeout: {
        value: "TIME",
        help: "give up after this time, such as 30s or 5m",
        parse: (text: string) => parseDurationMs(text, { name: "--timeout", maxMs: MAX_TIMEOUT_MS }),
      },
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger wait web", help: "until its command or the machine has ended" },
      { line: "banger wait --for running --timeout 60s web db", help: "until both run" },
    ],
  },
  async ({ args, options }, context) => {
    const { signal } = context;
    const reach = () => context.daemon.reach();
    const asked = {
      ...(options.for !== undefined && { for: options.for }),
      ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    };
    return await eachMachine(context, {
      refs: args.machine,
      ...options,
      act: async (client, ref) => {
        const waiting = waitVm(client, { ref, ...asked }, { signal, reach });
        return judged(await waiting.catch((error: unknown) => Promise.reject(lateBy(error))));
      },
      view: (result) => result,
      print: (results) => {
        for (const result of results) context.out.line(answerOf(result));
      },
    });
  },
);

function parseTarget(text: string): WaitFor {
  const found = TARGETS.find((target) => target === text);
  if (found) return found;
  throw new AppError("USAGE", `--for ${JSON.stringify(text)} is nothing to wait for`, {
    hint: "Give running, stopped or command.",
  });
}

/** It has gone on for as long as it was told to, and nothing is wrong. */
function lateBy(error: unknown): unknown {
  if (!AppError.is(error, "TIMEOUT")) return error;
  const hint = "Without --timeout it waits for as long as it takes.";
  return new AppError("TIMEOUT", error.message, { facts: error.facts, hint });
}

/** A machine that failed has ended, but not as it should; of a command that nobody knows the end of, the same. */
function judged(result: WaitResult): WaitResult {
  const { name, machine, end } = result;
  if (end && "lost" in end) {
    throw new AppError("EXEC_NOT_FOUND", `how the command of ${name} ended is not known: ${end.lost}`, {
      facts: { machine: name },
    });
  }
  if (!end && machine?.state === "failed" && machine.lastError) throw appErrorOf(machine.lastError);
  return result;
}

function answerOf({ name, end }: WaitResult): string {
  if (!end || "lost" in end) return name;
  return String("status" in end ? end.status : SIGNALLED + end.signal);
}
