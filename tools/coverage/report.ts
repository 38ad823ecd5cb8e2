/** Turns an lcov report into a table, and finds the files with behaviour that no test has entered. */

export type FileCoverage = {
  readonly path: string;
  readonly lines: { readonly hit: number; readonly found: number };
  readonly functions: { readonly hit: number; readonly found: number };
};

export function parseLcov(text: string): FileCoverage[] {
  return text.split("end_of_record\n").flatMap((record) => {
    const field = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(record)?.[1];
    const path = field("SF");
    if (path === undefined) return [];
    const count = (name: string) => Number(field(name) ?? 0);
    return [
      {
        path,
        lines: { hit: count("LH"), found: count("LF") },
        functions: { hit: count("FNH"), found: count("FNF") },
      },
    ];
  });
}

/** Whether JavaScript text (types stripped) can do anything when called. */
export function hasBehaviour(code: string): boolean {
  return /\bfunction\b|=>|\bclass\b/.test(code);
}

/** A file that no test loads is not in the report at all: `sources` maps every path to its text without types. */
export function untested(covered: readonly FileCoverage[], sources: ReadonlyMap<string, string>): string[] {
  // What was loaded and has no function has nothing to enter, whatever words its texts hold.
  const done = covered.filter(({ functions }) => functions.hit > 0 || functions.found === 0);
  const entered = new Set(done.map(({ path }) => path));
  return [...sources].filter(([path, code]) => !entered.has(path) && hasBehaviour(code)).map(([path]) => path);
}

export function table(covered: readonly FileCoverage[]): string[] {
  const percent = ({ hit, found }: { hit: number; found: number }) =>
    (found === 0 ? "-" : `${Math.floor((100 * hit) / found)} %`).padStart(10);
  const width = Math.max(...covered.map(({ path }) => path.length), 4) + 2;
  return [
    `${"file".padEnd(width)}${"lines".padStart(10)}${"functions".padStart(10)}`,
    ...covered.map(({ path, lines, functions }) => `${path.padEnd(width)}${percent(lines)}${percent(functions)}`),
  ];
}
