/**
 * Streams of the connection that `exec.run` was upgraded to, by number. Control frames are JSON lines. Apart from the
 * schemas, which a client of the daemon's own build does not need.
 */
export const execStreams = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
