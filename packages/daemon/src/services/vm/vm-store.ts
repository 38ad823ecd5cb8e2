/**
 * Machines as rows: the durable intent. Every write is synchronous and durable when it returns, so it can stand before
 * the effect that it announces. Reading costs no query: this process alone writes the rows, and remembers them.
 */
import { VmState } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import * as z from "zod";
import type { Database, Row } from "../../store/database.ts";
import { MachineRecord } from "./machine-record.ts";

export const LastError = z.object({ code: z.string(), message: z.string() });
export type LastError = z.infer<typeof LastError>;

export type Machine = {
  readonly record: MachineRecord;
  readonly state: VmState;
  readonly lastError: LastError | null;
  /** false until its create has ended */
  readonly complete: boolean;
};

const SELECT = "SELECT state, record, last_error, complete FROM machines ORDER BY rowid";

export class VmStore {
  readonly #database: Database;
  /** the rows, in their order; read once, when they are first asked for */
  #rows: Map<VmId, Machine> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** `changed` is called after every write. */
  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  list(): readonly Machine[] {
    return [...this.#all().values()];
  }

  get(id: VmId): Machine | undefined {
    return this.#all().get(id);
  }

  /** Throws VM_NOT_FOUND: it was deleted since somebody took its id from a row. */
  mustGet(id: VmId): Machine {
    const machine = this.get(id);
    if (machine) return machine;
    throw new AppError("VM_NOT_FOUND", `there is no machine ${id}`, { facts: { ref: id } });
  }

  named(name: string): Machine | undefined {
    return this.list().find(({ record }) => record.name === name);
  }

  /** Throws NAME_TAKEN; the database decides, so two creates at once cannot both have a name. */
  insert(record: MachineRecord, options: { state: VmState; complete: boolean }): void {
    const sql = "INSERT INTO machines (id, name, state, record, complete) VALUES (?, ?, ?, ?, ?)";
    const complete = options.complete ? 1 : 0;
    const { id, name } = record;
    this.#naming(name, () => this.#database.run(sql, id, name, options.state, JSON.stringify(record), complete));
    this.#remember({ record, lastError: null, ...options });
  }

  /** Throws NAME_TAKEN when a new name is another machine's. */
  update(id: VmId, change: Partial<Machine>): void {
    const after = { ...this.mustGet(id), ...change };
    const error = after.lastError === null ? null : JSON.stringify(after.lastError);
    const sql = "UPDATE machines SET name = ?, state = ?, record = ?, last_error = ?, complete = ? WHERE id = ?";
    const { record, state, complete } = after;
    const { name } = record;
    this.#naming(name, () => this.#database.run(sql, name, state, JSON.stringify(record), error, complete ? 1 : 0, id));
    this.#remember(after);
  }

  /**
   * For what has happened already: it stays so when the disk does not take the row. The next write of the machine
   * takes it along, and a daemon that dies before leaves it to the next one to find out.
   */
  observe(id: VmId, change: Pick<Partial<Machine>, "state" | "lastError" | "complete">): void {
    try {
      this.update(id, change);
    } catch (error) {
      const before = this.get(id);
      if (!before || !(AppError.is(error, "DISK_FULL") || AppError.is(error, "STATE_UNWRITABLE"))) throw error;
      this.#remember({ ...before, ...change });
    }
  }

  delete(id: VmId): void {
    this.#database.run("DELETE FROM machines WHERE id = ?", id);
    this.#all().delete(id);
    this.#changed();
  }

  #all(): Map<VmId, Machine> {
    this.#rows ??= new Map(
      this.#database
        .all(SELECT)
        .map(fromRow)
        .map((machine) => [machine.record.id, machine]),
    );
    return this.#rows;
  }

  #naming(name: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("machines.name"))) throw error;
      throw new AppError("NAME_TAKEN", `there is a machine named ${name} already`, { facts: { name }, cause: error });
    }
  }

  #remember(machine: Machine): void {
    this.#all().set(machine.record.id, machine);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function fromRow(row: Row): Machine {
  return {
    record: MachineRecord.parse(JSON.parse(String(row.record))),
    state: VmState.parse(row.state),
    lastError: row.last_error === null ? null : LastError.parse(JSON.parse(String(row.last_error))),
    complete: row.complete === 1,
  };
}
