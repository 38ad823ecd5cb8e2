/** Handlers of `operation.*`. */
import type { Area, Services } from "./context.ts";

export function operationHandlers({ operations }: Services): Area<"operation"> {
  return {
    "operation.list": () => ({ operations: [...operations.list()] }),
    "operation.status": ({ operation }) => operations.status(operation),
    "operation.wait": ({ operation }, { signal, progress }) =>
      operations.wait(operation, { signal, onChange: progress }),
    "operation.cancel": ({ operation }) => operations.cancel(operation, "it was cancelled"),
    "operation.detach": ({ operation }) => {
      operations.detach(operation);
      return {};
    },
  };
}
