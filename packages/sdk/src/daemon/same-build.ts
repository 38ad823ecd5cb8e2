/** Whether two programs were built together. */
import type { Build } from "@banger/contract/daemon/system";

export function sameBuild(one: Build, other: Build): boolean {
  return one.version === other.version && one.commit === other.commit && one.builtAt === other.builtAt;
}
