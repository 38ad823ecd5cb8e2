/** The host's TSC rate, measured once and only when a machine needs it: an emulated guest that is starved hangs calibrating. */
import type { Exec } from "@banger/platform/exec/run";

const MEASURE_MS = 5_000;

/** kHz, or undefined where the counter is no clock; then the guest must calibrate by itself. */
export function measureTsc(exec: Exec, launcher: string): () => Promise<number | undefined> {
  let measured: Promise<number | undefined> | undefined;
  return () => {
    measured ??= measure(exec, launcher);
    return measured;
  };
}

async function measure(exec: Exec, launcher: string): Promise<number | undefined> {
  const { stdout, exitCode } = await exec.run([launcher, "--measure-tsc"], { deadlineMs: MEASURE_MS, check: false });
  const khz = Number(stdout.toString("utf8").trim());
  return exitCode === 0 && khz > 0 ? khz : undefined;
}
