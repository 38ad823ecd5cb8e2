/**
 * Streams of the connection that `exec.run` was upgraded to, by number. Control frames are JSON lines. Apart from the
 * schemas, which a client needs only when its command has ended.
 */
export const execStreams = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
