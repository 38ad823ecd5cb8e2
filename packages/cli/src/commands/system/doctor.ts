/** `doctor`: what banger needs of this host, and the command that mends what is missing. */
import type { DoctorRow } from "@banger/contract/daemon/system";
import { errorCatalog } from "@banger/contract/errors";
import { sanitize } from "@banger/contract/guest-text";
import { jsonOption } from "../../arguments/output-options.ts";
import type { Source } from "../../config/settings.ts";
import { asAppError } from "../../output/report-error.ts";
import type { Screen } from "../../output/table.ts";
import { wrapText } from "../../output/text-width.ts";
import { stateTone } from "../../output/tone.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

export const command = defineCommand(
  {
    description: "Checks every prerequisite and tells what mends it. Exit status 3 means that something is missing.",
    args: {},
    options: { quiet: { short: "q", help: "print the names of failed checks only" }, json: jsonOption },
    examples: [
      { line: "banger doctor", help: "a line for each check" },
      { line: "banger doctor --json", help: "for programs" },
    ],
  },
  async ({ options }, context) => {
    const rows = [await configuration(context), ...(await check(context))];
    const failed = rows.filter(({ status }) => status === "fail");
    if (options.json) context.out.json({ rows });
    else if (options.quiet) for (const row of failed) context.out.line(sanitize(row.check));
    else context.out.write(rows.map((row) => format(row, context.out)).join(""));
    return failed.length > 0 ? errorCatalog.PREREQUISITE_MISSING.exit : 0;
  },
);

/** Read here: it is the client that reads it, and hands a daemon what that needs. */
async function configuration({ daemon, settings }: Context): Promise<DoctorRow> {
  const check = "configuration";
  const path = daemon.places.config;
  try {
    const { origins } = await settings("none");
    const counted = (layer: Source["layer"], what: string) => {
      const count = origins.filter(({ source }) => source.layer === layer).length;
      return count > 0 && `${count} ${count === 1 ? "value" : "values"} set by ${what}`;
    };
    const said = [counted("file", path), counted("env", "variables")].filter((part) => part !== false);
    return { check, status: "ok", detail: said.join(", ") || `nothing is set; ${path} is where it would be` };
  } catch (thrown) {
    const { message, hint } = asAppError(thrown);
    return { check, status: "fail", detail: message, fix: hint };
  }
}

/** A daemon that does not start is the first thing that a doctor should tell. */
async function check({ daemon, signal }: Context): Promise<readonly DoctorRow[]> {
  try {
    const client = await daemon.connect();
    return (await client.call("doctor.run", {}, { signal })).rows;
  } catch (thrown) {
    signal.throwIfAborted();
    const { message, hint } = asAppError(thrown);
    return [{ check: "daemon", status: "fail", detail: message, fix: hint }];
  }
}

const INDENT = 6;

function format({ check: name, status, detail, fix }: DoctorRow, screen: Screen): string {
  const { width } = screen;
  const told = wrapText(`${sanitize(name)}: ${sanitize(detail)}`, { width, indent: INDENT });
  // A command is copied from here, so that it is never broken.
  return `${screen.paint(stateTone(status), status)}${" ".repeat(INDENT - status.length)}${told}\n${fix === undefined ? "" : `${" ".repeat(INDENT)}${sanitize(fix)}\n`}`;
}
