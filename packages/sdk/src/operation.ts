/** Following an operation to its end: what a caller sees of `begin → events → result` is one promise. */
import { OperationView } from "@banger/contract/daemon/operation";
import { AppError, type ErrorCode, errorCatalog } from "@banger/contract/errors";
import type { OperationId } from "@banger/contract/ids";
import type { BangerClient } from "./client.ts";

export type Follow = {
  /** cancels the operation; the promise then ends when everything was undone */
  readonly signal?: AbortSignal;
  readonly onChange?: (view: OperationView) => void;
};

/** Its result, or the error that it ended with. */
export async function follow(client: BangerClient, operation: OperationId, options: Follow = {}): Promise<unknown> {
  const cancel = () => {
    // A daemon that is gone cannot be asked; the wait below ends with that.
    client.call("operation.cancel", { operation }).catch(() => undefined);
  };
  if (options.signal?.aborted) cancel();
  else options.signal?.addEventListener("abort", cancel, { once: true });
  try {
    const onProgress = (view: unknown) => options.onChange?.(OperationView.parse(view));
    const view = await client.call("operation.wait", { operation }, { onProgress });
    if (view.state === "done") return view.result;
    if (view.state === "cancelled") options.signal?.throwIfAborted();
    throw errorOf(view);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
  }
}

function errorOf({ error, kind, id }: OperationView): AppError {
  const code = isCode(error?.code) ? error.code : "INTERNAL";
  return new AppError(code, error?.message ?? `${kind} ended without a reason`, {
    facts: { ...error?.facts, operation: id },
    ...(error?.hint !== undefined && { hint: error.hint }),
  });
}

function isCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorCatalog, code);
}
