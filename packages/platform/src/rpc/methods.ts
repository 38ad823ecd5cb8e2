/**
 * What a method is to the types: a table of parsers. Anything with a `parse` fits, so that schemas of any library do
 * and none is needed here.
 */
import type { Mux } from "./mux.ts";
import type { Peer } from "./peer.ts";

export type Parser<T> = { parse(value: unknown): T };
export type Method = {
  readonly params: Parser<unknown>;
  readonly result: Parser<unknown>;
  /** callable by peers that speak another version of the protocol; such a method never changes */
  readonly frozen?: boolean;
  /** codes of the failures that it answers with, beside those of IMPLIED; unchecked when absent */
  readonly errors?: readonly string[];
};
/** What any method may answer with: of the last two, each that writes. */
export const IMPLIED: readonly string[] = [
  ...["INTERNAL", "USAGE", "CANCELLED", "TIMEOUT"],
  ...["DISK_FULL", "STATE_UNWRITABLE"],
];
export type MethodTable = Readonly<Record<string, Method>>;
export type MethodName<T extends MethodTable> = keyof T & string;

/** What comes out of a parser. */
export type Parsed<P> = P extends Parser<infer T> ? T : never;
/** What may go into one: schemas with defaults accept less than they give. */
export type Unparsed<P> = P extends { readonly _zod: { readonly input: infer I } } ? I : Parsed<P>;

/** What a method's code is given beside its parameters. */
export type RpcContext = {
  /** aborted by `$/cancel` and when the peer goes away */
  readonly signal: AbortSignal;
  /** aborted when the peer goes away or the connection ends, also after this request was answered */
  readonly connection: AbortSignal;
  readonly peer: Peer;
  /** false for one that speaks another version of the protocol, and may call frozen methods only */
  readonly sameProtocol: boolean;
  /** sends `$/progress` for this request */
  progress(params: unknown): void;
  /**
   * Asks that this connection carries raw bytes once the answer is sent. `serve` owns it from then on; what it throws
   * is told to the peer. Fails when other requests are under way on the connection.
   */
  upgrade(serve: (mux: Mux) => Promise<void>): void;
};

export type Handler<T extends MethodTable, M extends keyof T> = (
  params: Parsed<T[M]["params"]>,
  context: RpcContext,
) => Promise<Unparsed<T[M]["result"]>> | Unparsed<T[M]["result"]>;

/** A map that forgets a method does not compile. */
export type Handlers<T extends MethodTable> = { readonly [M in keyof T]: Handler<T, M> };
