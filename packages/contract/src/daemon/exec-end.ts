/**
 * How a command ended, as the daemon tells it on the control stream. Read without a schema: to make one takes a client
 * longer than a short command runs.
 */
export type ExecEnd =
  | { readonly status: number }
  | { readonly signal: number }
  /** it goes on without this client */
  | { readonly detached: true }
  | { readonly error: { readonly code: string; readonly message: string; readonly hint?: string | undefined } };

/** The other thing that the daemon tells there: how many bytes of the input never need to be sent again. */
export function parseTaken(value: unknown): number | undefined {
  const { taken } = fields(value);
  return isWithin(taken, { least: 0, most: Number.MAX_SAFE_INTEGER }) ? taken : undefined;
}

/** Throws a TypeError for what is no end. */
export function parseExecEnd(value: unknown): ExecEnd {
  const { status, signal, error, detached } = fields(value);
  if (isWithin(status, { least: 0, most: 255 })) return { status };
  if (isWithin(signal, { least: 1, most: 64 })) return { signal };
  if (detached === true) return { detached };
  const { code, message, hint } = fields(error);
  if (typeof code !== "string" || typeof message !== "string") throw new TypeError("an end without a reason");
  return { error: { code, message, ...(typeof hint === "string" && { hint }) } };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new TypeError("an end of a command is an object");
  return value as Record<string, unknown>;
}

function isWithin(value: unknown, { least, most }: { least: number; most: number }): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
