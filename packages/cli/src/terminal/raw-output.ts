/** Takes the post-processing of output off our terminal; giving the terminal back puts it on again. */
import { createNodeExec } from "@banger/platform/exec/exec-node";

const STDIN = 0;
const DEADLINE_MS = 5_000;

/** A terminal that cannot be asked stays as it is: a staircase is better than no shell. */
export async function rawOutput(): Promise<void> {
  await createNodeExec().run(["stty", "-opost"], { stdinFd: STDIN, check: false, deadlineMs: DEADLINE_MS });
}
