/**
 * Text that a guest chose. A guest is hostile, and a terminal obeys what it is shown, so such text has a type of its
 * own: it turns into a printable string through the sanitizer only, and into what the guest wrote only by asking for it.
 */

/** Controls, format characters (bidi overrides, zero width, tags), private use, lone surrogates, line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_BUT_LINES = /[^\P{Cc}\n\t]|[\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

function escapeOne(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

export type PrintableOptions = {
  /** keeps line feeds and tabs; the default is one line */
  readonly lines?: boolean;
  /** in UTF-16 units, counted before anything is escaped; the rest becomes an ellipsis */
  readonly max?: number;
};

/** What may be put on a terminal or in a log: every character that could act, hide or reorder is shown as its number. */
export function sanitize(text: string, options: PrintableOptions = {}): string {
  const { lines = false, max = 4096 } = options;
  const kept = text.length > max ? `${text.slice(0, max)}…` : text;
  return kept.replace(lines ? UNPRINTABLE_BUT_LINES : UNPRINTABLE, escapeOne);
}

export class GuestText {
  readonly #raw: string;

  constructor(raw: string) {
    this.#raw = raw;
  }

  /** Safe to print; the only way into messages, tables and logs. */
  printable(options: PrintableOptions = {}): string {
    return sanitize(this.#raw, options);
  }

  /** As the guest wrote it: for comparing and looking up, never for printing. */
  raw(): string {
    return this.#raw;
  }

  equals(text: string): boolean {
    return this.#raw === text;
  }

  toString(): string {
    return this.printable();
  }

  toJSON(): string {
    return this.printable();
  }

  /** What `util.inspect` and `console` show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.printable();
  }
}
