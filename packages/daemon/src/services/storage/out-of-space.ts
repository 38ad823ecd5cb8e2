/** Whether a program failed because a disk is full, by what it printed: mke2fs, apt and dpkg have words of their own. */
export function saysOutOfSpace(stderr: string): boolean {
  return /No space left on device|Disk quota exceeded|Short write|enough free space/i.test(stderr);
}
