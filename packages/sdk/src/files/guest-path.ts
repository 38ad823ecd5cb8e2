/** Paths in a machine, as a person writes them: text, with / or the home of its user as where they begin. */
import { posix } from "node:path";
import { GUEST_HOME } from "@banger/contract/daemon/files";
import { AppError } from "@banger/contract/errors";

export type GuestPath = {
  /** absolute, without a slash at its end */
  readonly path: string;
  /** what is in the directory is meant, not the directory: it ended with `/.`, or has no name of its own */
  readonly contents: boolean;
  /** it ended with a slash, so that only a directory will do */
  readonly asDirectory: boolean;
};

export function parseGuestPath(text: string): GuestPath {
  if (text.includes("\0")) throw new AppError("USAGE", "a path can not hold a zero byte");
  const home = text === "~" || text.startsWith("~/") ? GUEST_HOME + text.slice(1) : text;
  const absolute = home.startsWith("/") ? home : `${GUEST_HOME}/${home}`;
  const last = absolute.split("/").at(-1);
  const nameless = last === "." || last === ".." || /^\/+$/.test(absolute);
  // `..` stays: behind a link of the machine it leads where only the machine knows.
  const trimmed = absolute
    .replace(/\/+/g, "/")
    .replace(/(?:\/\.)+$/, "")
    .replace(/\/$/, "");
  const path = trimmed === "" ? "/" : trimmed;
  return { path, contents: nameless, asDirectory: nameless || text === "" || last === "" };
}

export function splitGuestPath(path: string): { readonly directory: string; readonly name: string } {
  return { directory: posix.dirname(path), name: posix.basename(path) };
}
