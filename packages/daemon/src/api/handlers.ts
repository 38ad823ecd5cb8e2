/** The handler map of the whole table. A method without a handler does not compile. */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { Handlers } from "@banger/platform/rpc/methods";
import type { Services } from "./context.ts";
import { execHandlers } from "./exec.ts";
import { filesHandlers } from "./files.ts";
import { imageHandlers } from "./image.ts";
import { kernelHandlers } from "./kernel.ts";
import { operationHandlers } from "./operation.ts";
import { portHandlers } from "./port.ts";
import { pruneHandlers } from "./prune.ts";
import { refHandlers } from "./ref.ts";
import { systemHandlers } from "./system.ts";
import { vmHandlers } from "./vm.ts";

export function handlers(services: Services): Handlers<DaemonMethods> {
  return {
    ...vmHandlers(services),
    ...execHandlers(services),
    ...filesHandlers(services),
    ...imageHandlers(services),
    ...kernelHandlers(services),
    ...operationHandlers(services),
    ...portHandlers(services),
    ...pruneHandlers(services),
    ...refHandlers(services),
    ...systemHandlers(services),
  };
}
