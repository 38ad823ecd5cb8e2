/** What is left on a terminal's screen after all was written, line by line. Knows the few movements that our own programs make. */

/** Text, line ends, carriage returns, cursor up, and erasing to the end of line or screen. */
export function screenOf(written: string): readonly string[] {
  const lines = [""];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what moves the cursor
  for (const [piece] of written.matchAll(/\x1b\[\??(\d*)[A-Za-z]|[\r\n]|[^\x1b\r\n]+/g)) {
    const line = lines[row] ?? "";
    if (piece === "\n") {
      row += 1;
      if (lines[row] === undefined) lines.push("");
    } else if (piece === "\r") column = 0;
    else if (piece.endsWith("A") && piece.startsWith("\x1b"))
      row = Math.max(0, row - (Number(piece.slice(2, -1)) || 1));
    else if (piece === "\x1b[J") lines.splice(row, lines.length, line.slice(0, column));
    else if (piece === "\x1b[K") lines[row] = line.slice(0, column);
    else if (!piece.startsWith("\x1b")) {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.trimEnd());
}
