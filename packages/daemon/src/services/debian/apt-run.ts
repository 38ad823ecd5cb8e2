/** Calls apt's programs with a configuration of ours. */
import type { Exec, ExecOptions } from "@banger/platform/exec/run";
import type { AptDir } from "./apt-dir.ts";
import { type AptCall, explainApt } from "./apt-failure.ts";
import { downloadFraction } from "./apt-output.ts";

export type AptRun = AptCall &
  Pick<ExecOptions, "cwd"> & {
    readonly signal: AbortSignal;
    readonly deadlineMs: number;
    /** from 0 to 1 */
    readonly onFraction?: (done: number) => void;
  };

const OUTPUT_BYTES = 16 << 20;

/** Returns what it printed. */
export async function runApt(
  deps: { readonly exec: Exec; readonly proxyEnv: Readonly<Record<string, string>>; readonly dir: AptDir },
  argv: readonly string[],
  { what, of, code, onFraction, ...options }: AptRun,
): Promise<string> {
  const { exec, proxyEnv, dir } = deps;
  const own = { APT_CONFIG: dir.config, DEBIAN_FRONTEND: "noninteractive", TMPDIR: dir.temporary };
  try {
    const result = await exec.run(argv, {
      ...options,
      env: { ...proxyEnv, ...own },
      maxOutputBytes: OUTPUT_BYTES,
      onStderrLine: (line) => {
        const fraction = downloadFraction(line);
        if (fraction !== undefined) onFraction?.(fraction);
      },
    });
    return result.stdout.toString();
  } catch (error) {
    throw explainApt(error, { what, of, code });
  }
}
