/**
 * What a command is: data, from which parsing, help and documentation come, and a body that is given everything it may touch.
 */
import type { Context } from "./context.ts";

/** Things that the daemon knows by name; some commands want them in certain states only. */
export type RefKind =
  | { readonly ref: "machine" | "operation"; readonly in?: readonly string[] }
  | { readonly ref: "image" | "kernel"; readonly in?: never };

/** What there is of the machine that the line names before. */
export type MachinePart = { readonly of: "machine"; readonly part: "variables" | "commands" | "published" };

/** What a shell offers in a place of the command line. `places` are those of `cp`: files here, and MACHINE:PATH. */
export type Completes =
  | RefKind
  | MachinePart
  | { readonly values: readonly string[] }
  | "files"
  | "directories"
  | "places"
  | "variables"
  | "nothing";

export type OptionSpec = {
  /** one letter, without its hyphen */
  readonly short?: string;
  /** placeholder of its value; without one it is a flag */
  readonly value?: string;
  readonly help: string;
  /** may be given several times; all values are kept, in order */
  readonly repeat?: true;
  /** throws AppError for what the option does not take */
  readonly parse?: (text: string, given: Given) => unknown;
  readonly completes?: Completes;
};

/** What a parser may look at beside the text. */
export type Given = { readonly env: Readonly<Record<string, string | undefined>> };

export type ArgumentSpec = {
  readonly help: string;
  readonly arity: "one" | "optional" | "some" | "rest";
  readonly parse?: (text: string, given: Given) => unknown;
  readonly completes: Completes;
};

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;

type Parsed<S> = S extends { readonly parse: (text: string, given: Given) => infer T } ? T : string;
type OptionValue<S extends OptionSpec> = S extends { readonly value: string }
  ? S extends { readonly repeat: true }
    ? readonly Parsed<S>[]
    : Parsed<S> | undefined
  : boolean;
type ArgumentValue<S extends ArgumentSpec> = S["arity"] extends "one"
  ? Parsed<S>
  : S["arity"] extends "optional"
    ? Parsed<S> | undefined
    : readonly Parsed<S>[];

export type Input<A extends ArgumentSpecs, O extends OptionSpecs> = {
  readonly args: { readonly [K in keyof A]: ArgumentValue<A[K]> };
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> };
  /** what stood behind `--`; undefined when there was none */
  readonly command: readonly string[] | undefined;
};

export type Example = {
  readonly line: string;
  readonly help: string;
  /** goes on until a signal ends it */
  readonly endless?: true;
};

export type CommandData = {
  /** a sentence or a few, below the usage */
  readonly description: string;
  /** by name, in the order in which they are written */
  readonly args: ArgumentSpecs;
  readonly options: OptionSpecs;
  /** flags that other programs want for what is done here anyway: taken, in the parser's notation, and without effect */
  readonly needless?: readonly string[];
  /** may be followed by `-- CMD...` */
  readonly takesCommand?: true;
  /** options end at the first argument: what follows belongs to somebody else's command */
  readonly optionsFirst?: true;
  /** its exit status is that of a command in a machine, so that failures of ours need one of their own */
  readonly status?: "of-command" | "of-command-if-given";
  /** goes on until a signal ends it, which is then no failure, and told by the status alone */
  readonly endsBySignal?: true;
  /** output options that every command has, and this one has not, each with the reason */
  readonly without?: { readonly json?: string; readonly quiet?: string };
  /** command lines that work as they stand, each with what it is for */
  readonly examples: readonly Example[];
};

/** What the program works with: the data, and a body that takes what the parser made of the arguments. */
export type Command = CommandData & {
  run(input: Input<ArgumentSpecs, OptionSpecs>, context: Context): Promise<number>;
};

/** The body's exit status; nothing is success. */
export function defineCommand<const A extends ArgumentSpecs, const O extends OptionSpecs>(
  data: Omit<CommandData, "args" | "options"> & { readonly args: A; readonly options: O },
  body: (input: Input<A, O>, context: Context) => Promise<number | undefined>,
): Command {
  return {
    ...data,
    // The parser fills the input from the same specs that its type is made of.
    run: async (input, context) => (await body(input as unknown as Input<A, O>, context)) ?? 0,
  };
}

/** How help and messages write an argument. */
export function placeholder(name: string): string {
  return name.toUpperCase();
}
