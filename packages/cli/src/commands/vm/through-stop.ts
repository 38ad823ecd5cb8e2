/** What `restart` and `reset` have in common: machines are stopped on the way, and told when they are back. */
import type { OperationView } from "@banger/contract/daemon/operation";
import type { VmView } from "@banger/contract/daemon/vm";
import type { BangerClient } from "@banger/sdk/client";
import { graceOption } from "../../arguments/grace-option.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { halfway } from "../../output/halfway.ts";
import { startProgress } from "../../output/progress.ts";
import type { Input } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

export const args = { machine: { arity: "some", ...machineRef } } as const;
export const options = { time: graceOption, quiet: quietOption, json: jsonOption } as const;

type Change = (
  client: BangerClient,
  params: { ref: string; graceMs?: number },
  how: { signal: AbortSignal; onChange: (view: OperationView) => void },
) => Promise<VmView>;

/** `said` is what the terminal is told of each. */
export async function throughStop(
  input: Input<typeof args, typeof options>,
  context: Context,
  { change, said }: { change: Change; said: (machine: VmView) => string },
): Promise<number> {
  const { signal, err, now } = context;
  const refs = input.args.machine;
  const graceMs = input.options.time ?? (await context.settings("none")).values["stop-time"];
  const quiet = input.options.quiet || refs.length > 1;
  return await eachMachine(context, {
    refs,
    json: input.options.json,
    act: async (client, ref) => {
      using progress = startProgress({ err, quiet, now });
      const params = { ref, ...(graceMs !== undefined && { graceMs }) };
      const following = change(client, params, { signal, onChange: progress.onChange });
      const machine = await following.catch((error: unknown) => Promise.reject(halfway(error, ref)));
      progress.done(said(machine));
      return machine;
    },
    view: (machine) => machine,
  });
}
