/** Commands of the fake daemon's machines: built-in ones, attached or said to be left running. */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { VmView } from "@banger/contract/daemon/vm";
import { ExecId } from "@banger/contract/ids";
import type { Handlers } from "@banger/platform/rpc/methods";
import { raceAbort } from "@banger/platform/time/deadline";
import { serveBuiltIn } from "./built-in-commands.ts";
import { newId } from "./sample-views.ts";

export type ExecWorld = {
  /** throws when it does not run */
  readonly running: (ref: string) => VmView;
  /** a write, with what it was asked */
  readonly called: (method: string, params: unknown) => void;
  readonly asked: () => void;
  /** what commands wait for before they start */
  readonly gate: () => Promise<void>;
  /** what is attached to */
  readonly background: () => { readonly argv: string[]; readonly tty: boolean };
};

type ExecMethod = Extract<keyof DaemonMethods, `exec.${string}`>;

export function execHandlers(world: ExecWorld): Pick<Handlers<DaemonMethods>, ExecMethod> {
  const answer = () => ({ exec: ExecId.parse(newId()), pid: 42 });
  const called = (method: ExecMethod, params: { ref: string }) => {
    world.called(method, params);
    return world.running(params.ref);
  };
  return {
    "exec.run": async (params, { upgrade, signal }) => {
      const { id: machine } = called("exec.run", params);
      world.asked();
      await raceAbort(world.gate(), signal);
      upgrade(serveBuiltIn(params));
      return { ...answer(), machine };
    },
    "exec.detach": (params) => {
      called("exec.detach", params);
      return answer();
    },
    "exec.list": ({ ref }) => {
      world.running(ref);
      return { commands: [{ exec: ExecId.parse("4k2jexecexec"), argv: world.background().argv }] };
    },
    "exec.signal": (params) => {
      called("exec.signal", params);
      return { commands: [answer().exec] };
    },
    "exec.attach": (params, { upgrade }) => {
      const { id: machine } = called("exec.attach", params);
      const { argv, tty } = world.background();
      upgrade(serveBuiltIn({ argv, environment: [] }));
      const from = { stdin: 0, stdout: 0, stderr: 0, ...params.resume };
      return { exec: answer().exec, machine, argv, tty, stdin: true, background: true, from };
    },
  };
}
