/** What the words before the cursor were taken for. A line that is half typed is never wrong here. */
import type { CommandData, OptionSpec } from "../program/command.ts";

export type WordsRead = {
  /** arguments */
  readonly taken: readonly string[];
  /** options, by their long names */
  readonly given: readonly string[];
  /** an option whose value comes next */
  readonly awaiting: OptionSpec | undefined;
  /** whether what comes next belongs to the command of a machine */
  readonly behind: boolean;
};

export function readWords(words: readonly string[], data: CommandData): WordsRead {
  const taken: string[] = [];
  const given: string[] = [];
  let awaiting: OptionSpec | undefined;
  for (const word of words) {
    if (awaiting) awaiting = undefined;
    else if (data.optionsFirst && taken.length > 0) taken.push(word);
    else if (word === "--") return { taken, given, awaiting, behind: true };
    else if (word.startsWith("-") && word !== "-") {
      const names = namesIn(word, data);
      given.push(...names);
      const last = data.options[names.at(-1) ?? ""];
      if (last?.value !== undefined && !holdsValue(word, last)) awaiting = last;
    } else taken.push(word);
  }
  return { taken, given, awaiting, behind: false };
}

/** `--name`, `--name=value`, `-i`, `-it`, `-m512` */
function namesIn(word: string, data: CommandData): string[] {
  if (word.startsWith("--")) return [word.slice(2).replace(/=.*/s, "")];
  const names: string[] = [];
  for (const letter of word.slice(1)) {
    const [name, spec] = Object.entries(data.options).find(([, { short }]) => short === letter) ?? [];
    if (name !== undefined) names.push(name);
    if (spec?.value !== undefined) break; // the rest is its value
  }
  return names;
}

function holdsValue(word: string, { short }: OptionSpec): boolean {
  return word.startsWith("--") ? word.includes("=") : !word.endsWith(short ?? "");
}
