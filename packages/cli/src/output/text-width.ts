/** How many columns of a terminal a text takes, and what of it fits into so many. For one line that is printable already. */
import { eastAsianWidth } from "get-east-asian-width";

const MARK = "...";
/** below this many columns the mark would take more than it tells */
const LEAST_WITH_MARK = 6;

const PLAIN = /^[\x20-\x7e]*$/;
/** shown as a picture, which takes two columns however many characters it is made of */
const PICTURE = /\p{Emoji_Presentation}|\ufe0f/u;
/** beginnings of syllables that are written as one block */
const HANGUL = /^[\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff]/;
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) columns += letterWidth(segment);
  return columns;
}

/** Of what a reader takes for one letter. */
function letterWidth(letter: string): number {
  if (PICTURE.test(letter)) return 2;
  const parts = HANGUL.test(letter) ? [letter] : [...letter].filter((part) => !WITHOUT_WIDTH.test(part));
  return parts.reduce((sum, part) => sum + eastAsianWidth(part.codePointAt(0) ?? 0), 0);
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
    columns += letterWidth(segment);
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
