/** Following an operation to its end: what a caller sees of `begin → events → result` is one promise. */
import { OperationView } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import type { OperationId } from "@banger/contract/ids";
import { appErrorOf } from "./app-error.ts";
import type { BangerClient } from "./client.ts";

export type Follow = {
  /** cancels the operation; the promise then ends when everything was undone */
  readonly signal?: AbortSignal | undefined;
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
    if (view.state === "cancelled") options.signal?.throwIfAborted();
    return resultOf(view);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
  }
}

/** What an operation that has ended came to: its result, or the error it ended with is thrown. */
export function resultOf(view: OperationView): unknown {
  if (view.state === "done") return view.result;
  throw errorOf(view);
}

/** Looks on until it has ended, and leaves it alone: an aborted signal ends the looking. */
export async function watch(
  client: BangerClient,
  operation: OperationId,
  options: Follow = {},
): Promise<OperationView> {
  const { signal, onChange } = options;
  const onProgress = (view: unknown) => onChange?.(OperationView.parse(view));
  return await client.call("operation.wait", { operation }, { onProgress, signal });
}

/** The operation whose id begins so. */
export async function findOperation(client: BangerClient, ref: string): Promise<OperationView> {
  const { operations } = await client.call("operation.list", {});
  return operationAmong(operations, ref);
}

/** The same among those that are known. */
export function operationAmong(operations: readonly OperationView[], ref: string): OperationView {
  const [found, another] = operations.filter(({ id }) => id.startsWith(ref));
  if (!found) {
    throw new AppError("OPERATION_NOT_FOUND", `there is no operation ${JSON.stringify(ref)}`, { facts: { ref } });
  }
  if (another) {
    throw new AppError("REF_AMBIGUOUS", `several operations begin with ${JSON.stringify(ref)}`, { facts: { ref } });
  }
  return found;
}

function errorOf({ error, kind, id }: OperationView): AppError {
  const { code, message, hint, facts } = error ?? { code: "INTERNAL", message: `${kind} ended without a reason` };
  return appErrorOf({ code, message, facts: { ...facts, operation: id }, ...(hint !== undefined && { hint }) });
}
