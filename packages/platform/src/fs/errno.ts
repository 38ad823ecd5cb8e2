/** What the system called a failed call, whatever Node made of it. What a failure means is for its callers to say. */

/** `ENOENT` and the like; undefined for what has no such name. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** There is nothing by that name. */
export function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT";
}

/** The disk is full, or somebody's share of it. */
export function isOutOfSpace(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOSPC" || errno === "EDQUOT";
}

/** Of what may go while it is looked at: undefined when it has. */
export async function unlessMissing<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
