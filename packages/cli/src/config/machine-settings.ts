/** The settings of a machine that is to be made; that a project's file takes part is told, because others may have written it. */
import { sanitize } from "@banger/contract/guest-text";
import type { Context } from "../program/context.ts";
import { formatValue } from "./format-value.ts";
import type { KeyName } from "./keys.ts";
import type { Settings } from "./settings.ts";

export type Asked = {
  /** the directory that is copied in */
  readonly path: string | undefined;
  /** what stood behind `--` */
  readonly command: readonly string[] | undefined;
  readonly options: {
    readonly "no-project": boolean;
    readonly quiet: boolean;
  } & Readonly<Partial<Record<KeyName, unknown>>>;
};

/** A project's command is for a machine that has the project in it. */
export async function machineSettings(asked: Asked, context: Context): Promise<Settings["values"]> {
  const { path, options } = asked;
  const place = path === undefined ? { around: "." } : { of: path };
  const settings = await context.settings(options["no-project"] ? "none" : place);
  const { command, ...others } = settings.values;
  const values = { ...others, ...(path !== undefined && command !== undefined && { command }) };
  const notice = options.quiet ? undefined : projectNotice({ values, origins: settings.origins }, asked);
  if (notice !== undefined) context.err.line(`banger: ${sanitize(notice, { max: MAX_NOTICE })}`);
  return values;
}

const MAX_NOTICE = 1000;

/** Undefined when all that the project sets was asked for otherwise. */
function projectNotice({ values, origins }: Settings, { options, command }: Asked): string | undefined {
  const used = origins.flatMap(({ key, name, source }) => {
    const isAsked = key === "command" ? command !== undefined : key !== "env" && options[key] !== undefined;
    if (source.layer !== "project" || isAsked) return [];
    const text = name ?? formatValue(key, values);
    return text === undefined ? [] : [{ path: source.path, what: `${key} ${text}` }];
  });
  const [first] = used;
  return first && `${first.path} sets ${used.map(({ what }) => what).join(", ")} (--no-project leaves it aside)`;
}
