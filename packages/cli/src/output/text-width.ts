/** How many columns of a terminal a text takes, and what of it fits into so many. For one line that is printable already. */
import stringWidth from "string-width";

const MARK = "...";
/** below this many columns the mark would take more than it tells */
const LEAST_WITH_MARK = 6;

export function textWidth(text: string): number {
  return stringWidth(text);
}

/** The text, or its beginning and `...`, in at most `width` columns. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < LEAST_WITH_MARK) return beginning(text, width);
  return `${beginning(text, width - MARK.length).trimEnd()}${MARK}`;
}

export function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** What a reader takes for one character is kept or left whole. */
function beginning(text: string, width: number): string {
  let taken = "";
  let columns = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    columns += textWidth(segment);
    if (columns > width) break;
    taken += segment;
  }
  return taken;
}

export type Wrap = {
  /** of the whole line; none where it is not to be broken */
  readonly width: number | undefined;
  /** columns before the first line, which the further ones leave empty */
  readonly indent: number;
};

/** Breaks at spaces; a word that is longer than a line stands alone, whole. */
export function wrapText(text: string, { width = Number.POSITIVE_INFINITY, indent }: Wrap): string {
  const lines: string[] = [];
  let last = 0;
  for (const word of text.split(" ")) {
    const columns = textWidth(word);
    if (lines.length > 0 && last + 1 + columns <= width - indent) {
      lines[lines.length - 1] += ` ${word}`;
      last += 1 + columns;
    } else {
      lines.push(word);
      last = columns;
    }
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
