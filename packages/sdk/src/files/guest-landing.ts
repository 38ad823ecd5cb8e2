/** Where in a machine a copy goes, by the rules of cp and docker. */
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "../client.ts";
import { parseGuestPath, splitGuestPath } from "./guest-path.ts";

type Target = { readonly ref: string; readonly to: string };
type Source = { readonly isDirectory: boolean };

/** The directory to unpack in, and another name for the one source, if it gets one. */
export async function guestLanding(
  client: BangerClient,
  { ref, to, sources }: Target & { readonly sources: readonly Source[] },
): Promise<{ directory: string; name?: string }> {
  const { path, asDirectory } = parseGuestPath(to);
  const kind = await guestKind(client, { ref, path });
  if (kind === "directory") return { directory: path };
  const [only, more] = sources;
  if (more) throw noGuestDirectory(ref, path);
  if (kind !== undefined && (only?.isDirectory || asDirectory)) throw noGuestDirectory(ref, path);
  if (asDirectory && !only?.isDirectory) throw noGuestDirectory(ref, path);
  return splitGuestPath(path);
}

/** Undefined when there is nothing; links are followed. */
export async function guestKind(
  client: BangerClient,
  params: { readonly ref: string; readonly path: string },
): Promise<string | undefined> {
  try {
    return (await client.call("files.stat", params)).kind;
  } catch (error) {
    if (AppError.is(error, "GUEST_FILE_NOT_FOUND")) return undefined;
    throw error;
  }
}

export function noGuestDirectory(ref: string, path: string): AppError {
  return new AppError("GUEST_FILE_NOT_FOUND", `${ref}:${path} is not a directory`, {
    facts: { ref, path },
    hint: "Make it first, or copy to another place.",
  });
}
