/** The shape of a method table. Server, client, help and documentation are all derived from such tables. */
import type * as z from "zod";
import type { ErrorCode } from "../errors.ts";

export type Method = {
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  /** codes this method may answer with, besides INTERNAL, USAGE, CANCELLED and TIMEOUT */
  readonly errors: readonly ErrorCode[];
  /** `write` methods change something */
  readonly effect: "read" | "write";
  /** callable by clients of another protocol; such a method never changes */
  readonly frozen?: boolean;
  /** raw bytes follow the answer on the same connection */
  readonly upgrade?: "exec" | "bytes";
};

export type Methods = Readonly<Record<string, Method>>;
export type InputOf<M extends Methods, K extends keyof M> = z.input<M[K]["params"]>;
export type ResultOf<M extends Methods, K extends keyof M> = z.output<M[K]["result"]>;
