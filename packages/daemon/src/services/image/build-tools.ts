/** The host's programs that make an image, and their versions, which are part of what an image is made from. */
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { type Builder, requireNamespaces } from "./namespace.ts";

export type BuildTools = { readonly mmdebstrap: string; readonly mke2fs: string };

const PROGRAMS = [
  { program: "mmdebstrap", argv: ["mmdebstrap", "--version"], version: /mmdebstrap (\S+)/, package: "mmdebstrap" },
  { program: "mke2fs", argv: ["mke2fs", "-V"], version: /mke2fs (\S+)/, package: "e2fsprogs" },
] as const;
/** long enough for a host that has no processor to spare */
const DEADLINE_MS = 60_000;

/** Throws PREREQUISITE_MISSING with the one command that mends the host. */
export async function requireBuildTools(
  exec: Exec,
  builder: Builder,
  { signal }: { signal: AbortSignal },
): Promise<BuildTools> {
  const versions: Record<string, string> = {};
  const missing: string[] = [];
  for (const { program, argv, version, package: name } of PROGRAMS) {
    try {
      const { stdout, stderr } = await exec.run(argv, { signal, deadlineMs: DEADLINE_MS });
      versions[program] = version.exec(`${stdout.toString()}\n${stderr}`)?.[1] ?? "unknown";
    } catch (error) {
      if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw new AppError("PREREQUISITE_MISSING", `${missing.join(" and ")} can not be found on this host`, {
      facts: { missing: missing.join(" ") },
      hint: `Run \`sudo apt-get install ${missing.join(" ")}${builder.uid === 0 ? "" : " uidmap"}\`.`,
    });
  }
  await requireNamespaces(exec, builder, { signal });
  return { mmdebstrap: versions.mmdebstrap ?? "", mke2fs: versions.mke2fs ?? "" };
}
