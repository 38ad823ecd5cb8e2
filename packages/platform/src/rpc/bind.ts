/** Joins a method table with its handlers into what a session looks up by name. */
import { AppError } from "@banger/contract/errors";
import { type Handlers, IMPLIED, type Method, type MethodTable, type Parser, type RpcContext } from "./methods.ts";

export type BoundMethod = {
  readonly frozen: boolean;
  call(params: unknown, context: RpcContext): Promise<unknown>;
};
export type BoundMethods = ReadonlyMap<string, BoundMethod>;

type AnyHandler = (params: unknown, context: RpcContext) => unknown;

/** Hears of a failure whose code its method does not declare: a mistake of ours, which the peer is told of all the same. */
export type OnUndeclared = (error: AppError, method: string) => void;

export function bindMethods<T extends MethodTable>(
  table: T,
  handlers: Handlers<T>,
  { onUndeclared }: { onUndeclared?: OnUndeclared | undefined } = {},
): BoundMethods {
  const bound = new Map<string, BoundMethod>();
  for (const [name, method] of Object.entries(table)) {
    // The parser gives exactly what the handler of the same name takes; only the table's type can say so.
    const handler = handlers[name] as AnyHandler;
    bound.set(name, {
      frozen: method.frozen === true,
      async call(params, context) {
        try {
          return await handler(parseParams(method.params, params, name), context);
        } catch (error) {
          if (AppError.is(error) && !declares(method, error.code)) onUndeclared?.(error, name);
          throw error;
        }
      },
    });
  }
  return bound;
}

function declares({ errors }: Method, code: string): boolean {
  return errors === undefined || errors.includes(code) || IMPLIED.includes(code);
}

function parseParams(parser: Parser<unknown>, params: unknown, method: string): unknown {
  try {
    return parser.parse(params ?? {});
  } catch (error) {
    if (AppError.is(error)) throw error;
    throw new AppError("USAGE", `${method}: ${firstIssue(error)}`, { facts: { method }, cause: error });
  }
}

/** The first complaint of a schema library, or that there was one. */
function firstIssue(error: unknown): string {
  const issues: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "issues") : undefined;
  const issue: unknown = Array.isArray(issues) ? issues[0] : undefined;
  if (typeof issue !== "object" || issue === null) return "the parameters are not what the method takes";
  const path: unknown = Reflect.get(issue, "path");
  const where = Array.isArray(path) && path.length > 0 ? `${path.map(String).join(".")}: ` : "";
  return `${where}${String(Reflect.get(issue, "message"))}`;
}
