import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { Database } from "./database.ts";
import { migrations } from "./migrations.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-db-"));
  path = join(directory, "banger.db");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a new database is brought to the newest version, and stays there", () => {
  Database.open(path)[Symbol.dispose]();
  assert.deepEqual(Database.inspect(path), { version: migrations.length, newest: migrations.length });
  Database.open(path)[Symbol.dispose]();
});

test("a database of a newer banger is refused and left alone", () => {
  const more = [...migrations, { name: "later", sql: "CREATE TABLE later (x) STRICT".replace("(x)", "(x TEXT)") }];
  Database.open(path, { migrations: more })[Symbol.dispose]();
  assert.throws(
    () => Database.open(path),
    (error) => AppError.is(error, "SCHEMA_NEWER"),
  );
  assert.equal(Database.inspect(path).version, more.length);
});

test("a migration that fails leaves the version before it", () => {
  const bad = [
    ...migrations,
    { name: "bad", sql: "CREATE TABLE half (x TEXT) STRICT; CREATE TABLE machines (x TEXT) STRICT" },
  ];
  assert.throws(() => Database.open(path, { migrations: bad }));
  using database = Database.open(path);
  assert.deepEqual(database.all("SELECT name FROM sqlite_schema WHERE name = 'half'"), []);
});

test("a full disk is no damage", () => {
  const sql = "PRAGMA max_page_count = 8; CREATE TABLE large AS SELECT zeroblob(1000000) AS x";
  assert.throws(
    () => Database.open(path, { migrations: [{ name: "large", sql }] }),
    (error) => AppError.is(error, "DISK_FULL") && error.message === `no space left for the database ${path}`,
  );
  assert.equal(Database.inspect(path).version, 0);
});

test("a database that may not be written is told as such, and not as a damaged one", () => {
  const isRefused = (error: unknown) =>
    AppError.is(error, "STATE_UNWRITABLE") && error.message === `the database ${path} can not be written`;
  const sql = "PRAGMA query_only = 1; CREATE TABLE x (y TEXT) STRICT";
  assert.throws(() => Database.open(path, { migrations: [{ name: "x", sql }] }), isRefused);
  using database = Database.open(path);
  database.all("PRAGMA query_only = 1");
  assert.throws(() => database.run("DELETE FROM machines"), isRefused);
});

test("rubbish and a torn file are STATE_CORRUPT, not a crash", () => {
  writeFileSync(path, "this is not a database, and it is longer than a header would be: ".repeat(20));
  assert.throws(
    () => Database.open(path),
    (error) => AppError.is(error, "STATE_CORRUPT"),
  );
  rmSync(path);
  using made = Database.open(path);
  for (let i = 0; i < 200; i += 1)
    made.run("INSERT INTO machines VALUES (?, ?, 'stopped', ?, NULL, 1)", `id${i}`, `n${i}`, "x".repeat(500));
  made[Symbol.dispose]();
  truncateSync(path, 8192);
  assert.throws(
    () => Database.open(path),
    (error) => AppError.is(error, "STATE_CORRUPT"),
  );
});

test("writing twice the same name is refused by the database itself", () => {
  using database = Database.open(path);
  database.run("INSERT INTO machines VALUES ('a', 'web', 'stopped', '{}', NULL, 1)");
  assert.throws(() => database.run("INSERT INTO machines VALUES ('b', 'web', 'stopped', '{}', NULL, 1)"), /UNIQUE/);
});
