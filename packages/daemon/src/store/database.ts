/**
 * SQLite as the daemon uses it: write-ahead log, full durability, numbered migrations in transactions.
 *
 * A database of a newer banger is refused, one that does not pass its own check is STATE_CORRUPT; both are left as found.
 */
import { accessSync, constants, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { AppError } from "@banger/contract/errors";
import { isMissing } from "@banger/platform/fs/errno";
import { type Migration, migrations as shipped } from "./migrations.ts";

export type Row = Readonly<Record<string, unknown>>;
export type MigrationState = { readonly version: number; readonly newest: number };

const BUSY_MS = 5_000;
/** SQLite's result codes; the low byte is the primary one */
const PRIMARY = 0xff;
const SQLITE_PERM = 3;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

export class Database implements Disposable {
  readonly #sqlite: DatabaseSync;
  readonly #path: string;

  private constructor(sqlite: DatabaseSync, path: string) {
    this.#sqlite = sqlite;
    this.#path = path;
  }

  static open(path: string, options: { migrations?: readonly Migration[] } = {}): Database {
    const sqlite = openChecked(path);
    try {
      migrate(sqlite, path, options.migrations ?? shipped);
      return new Database(sqlite, path);
    } catch (error) {
      sqlite.close();
      throw refusalOf(error, path) ?? error;
    }
  }

  /** Changes nothing; a missing file counts as version 0. */
  static inspect(path: string, options: { migrations?: readonly Migration[] } = {}): MigrationState {
    const sqlite = new DatabaseSync(path, { readOnly: true });
    try {
      return { version: versionOf(sqlite), newest: (options.migrations ?? shipped).length };
    } finally {
      sqlite.close();
    }
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#sqlite.prepare(sql).all(...values);
  }

  /** Returns how many rows changed. Throws DISK_FULL or STATE_UNWRITABLE, and then nothing has changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    try {
      return Number(this.#sqlite.prepare(sql).run(...values).changes);
    } catch (error) {
      throw refusalOf(error, this.#path) ?? error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#sqlite.isOpen) this.#sqlite.close();
  }
}

function openChecked(path: string): DatabaseSync {
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(path, { timeout: BUSY_MS });
    sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    const verdict = sqlite.prepare("PRAGMA quick_check(1)").get()?.quick_check;
    if (verdict === "ok") return sqlite;
    throw new AppError("STATE_CORRUPT", `the database ${path} is damaged: ${String(verdict)}`, { facts: { path } });
  } catch (error) {
    sqlite?.close();
    if (AppError.is(error)) throw error;
    const refusal = refusalOf(error, path);
    if (refusal) throw refusal;
    throw new AppError("STATE_CORRUPT", `the database ${path} cannot be read`, { facts: { path }, cause: error });
  }
}

/**
 * Why the host did not take a write, if that is what it was: a write that fails says nothing about what is stored, and a database
 * that may not be written is not damaged. SQLite calls it "full" and "read-only" only where it knows.
 */
function refusalOf(error: unknown, path: string): AppError | undefined {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & PRIMARY : 0;
  const vague = code === SQLITE_IOERR || code === SQLITE_CANTOPEN;
  const facts = { path };
  if (code === SQLITE_FULL || (vague && statfsSync(dirname(path)).bavail === 0)) {
    return new AppError("DISK_FULL", `no space left for the database ${path}`, { facts, cause: error });
  }
  const files = [dirname(path), path, `${path}-wal`, `${path}-shm`];
  const closed = files.find((file) => !isWritable(file));
  if (code !== SQLITE_READONLY && code !== SQLITE_PERM && !(vague && closed !== undefined)) return undefined;
  const message = `the database ${path} can not be written${closed === undefined ? "" : `, because ${closed} can not`}`;
  return new AppError("STATE_UNWRITABLE", message, { facts, cause: error });
}

/** What is not there hinders nobody. */
function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch (error) {
    return isMissing(error);
  }
}

function versionOf(sqlite: DatabaseSync): number {
  return Number(sqlite.prepare("PRAGMA user_version").get()?.user_version ?? 0);
}

function migrate(sqlite: DatabaseSync, path: string, migrations: readonly Migration[]): void {
  const version = versionOf(sqlite);
  if (version > migrations.length) {
    const message = `the database ${path} has version ${version}, this banger knows ${migrations.length}`;
    throw new AppError("SCHEMA_NEWER", message, { facts: { path, version, known: migrations.length } });
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    sqlite.exec("BEGIN IMMEDIATE");
    try {
      sqlite.exec(migration.sql);
      sqlite.exec(`PRAGMA user_version = ${index + 1}`);
      sqlite.exec("COMMIT");
    } catch (error) {
      if (sqlite.isTransaction) sqlite.exec("ROLLBACK"); // some failures have done so already
      throw error;
    }
  }
}
