/** Where a client that knows the directories finds what a daemon has made there. */

/** beneath the runtime directory */
export const SOCKET_FILE = "bangerd.sock";
/** beneath the state directory */
export const LOG_FILE = "bangerd.log";
/** beneath the state directory: a DaemonHolder */
export const HOLDER_FILE = "daemon.json";
