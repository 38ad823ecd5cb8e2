/** Names for machines that were given none: two words and two digits, easy to say and to type. */

const ADJECTIVES =
  "amber brave calm clever crisp eager fair gentle glad golden happy keen kind lively lucky mellow merry mild neat noble proud quick quiet rapid sunny swift tidy vivid warm wise".split(
    " ",
  );
const NOUNS =
  "acorn badger beacon birch brook cedar cloud comet coral crane dune ember falcon fern finch fox garnet heron iris lark maple meadow otter pebble pine quartz river robin sparrow willow".split(
    " ",
  );

/** `seed`: any whole number from 0; equal seeds give equal names. */
export function pleasantName(seed: number): string {
  const adjective = ADJECTIVES[seed % ADJECTIVES.length];
  const noun = NOUNS[Math.floor(seed / ADJECTIVES.length) % NOUNS.length];
  const number = 10 + (Math.floor(seed / (ADJECTIVES.length * NOUNS.length)) % 90);
  return `${adjective}-${noun}-${number}`;
}
