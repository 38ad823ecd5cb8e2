/** The first run that README.md shows, and its place there. */

/** typed in the checkout, one after the other, by a user who has never run banger */
export const sessionCommands: readonly string[] = [
  "./banger run --rm -- uname -sr",
  "./banger run -d --name web -- python3 -m http.server 3000",
  "./banger list",
  "./banger cp README.md web:",
  "./banger exec web curl -s --retry 9 --retry-connrefused localhost:3000/README.md | head -n 1",
  "./banger ports web",
  "./banger delete web",
];

const BEGIN = "<!-- The session below is recorded: node tools/record-session.ts -->\n";
const END = "<!-- end of the session -->\n";

/** The page with another session; `lines` have no markup. */
export function withSession(page: string, lines: readonly string[]): string {
  const [before, after] = aroundSession(page);
  return `${before}${BEGIN}\n${lines.map((line) => `    ${line}`.trimEnd()).join("\n")}\n\n${END}${after}`;
}

/** The lines of the session that the page has. */
export function sessionOf(page: string): readonly string[] {
  const [before, after] = aroundSession(page);
  const block = page.slice(before.length + BEGIN.length, page.length - after.length - END.length);
  return block
    .trim()
    .split("\n")
    .map((line) => line.replace(/^ {4}/, ""));
}

function aroundSession(page: string): readonly [string, string] {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error("the page has no place for a session");
  return [page.slice(0, begin), page.slice(end + END.length)];
}
