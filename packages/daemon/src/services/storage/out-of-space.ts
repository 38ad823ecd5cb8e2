/** Whether a failure means that a disk, or somebody's share of it, is full. */

/** Of a system call. */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** Of a program, by what it printed: mke2fs, apt and dpkg have words of their own. */
export function saysOutOfSpace(stderr: string): boolean {
  return /No space left on device|Disk quota exceeded|Short write|enough free space/i.test(stderr);
}
