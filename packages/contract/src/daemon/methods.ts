/** Every method of the daemon's socket, in one table. */
import { execMethods } from "./exec.ts";
import { filesMethods } from "./files.ts";
import { imageMethods } from "./image.ts";
import { kernelMethods } from "./kernel.ts";
import { operationMethods } from "./operation.ts";
import { portMethods } from "./port.ts";
import { pruneMethods } from "./prune.ts";
import { refMethods } from "./ref.ts";
import { statsMethods } from "./stats.ts";
import { systemMethods } from "./system.ts";
import { vmMethods } from "./vm.ts";
import { waitMethods } from "./wait.ts";

export const daemonMethods = {
  ...vmMethods,
  ...waitMethods,
  ...execMethods,
  ...filesMethods,
  ...imageMethods,
  ...kernelMethods,
  ...operationMethods,
  ...portMethods,
  ...pruneMethods,
  ...refMethods,
  ...statsMethods,
  ...systemMethods,
} as const;

export type DaemonMethods = typeof daemonMethods;
