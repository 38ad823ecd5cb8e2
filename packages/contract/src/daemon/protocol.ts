/** The version of the daemon's socket protocol; raised when a client of the old one would be misled. */
export const PROTOCOL = 2;
