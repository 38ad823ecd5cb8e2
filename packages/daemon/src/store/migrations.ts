/**
 * The database's history, in order. A migration that has shipped is never edited: the next one changes what it made.
 *
 * Only intent lives here: what machines there should be and what became of them. Process ids, sockets and other handles
 * are momentary and live beside each machine.
 */
export type Migration = { readonly name: string; readonly sql: string };

export const migrations: readonly Migration[] = [
  {
    name: "machines",
    sql: `
      CREATE TABLE machines (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        -- stopped, starting, running, stopping, failed: written before the effect, so that a crash leaves evidence
        state TEXT NOT NULL,
        -- JSON, as the manifest in the machine's directory
        record TEXT NOT NULL,
        -- JSON {code, message} or NULL
        last_error TEXT,
        -- 0 until its create has ended: found so by the next daemon, it is removed
        complete INTEGER NOT NULL
      ) STRICT;
    `,
  },
];
