/** `completion`: the script by which a shell completes our command lines. */
import { AppError } from "@banger/contract/errors";
import { completionScripts } from "../../completion/scripts.ts";
import { defineCommand } from "../../program/command.ts";

const shells = Object.keys(completionScripts);

export const command = defineCommand(
  {
    description:
      "Prints a script that makes a shell complete commands, options, and the names of machines, images, kernels and " +
      "operations. Names are those of the daemon that runs; none is started for them.",
    args: {
      shell: {
        arity: "one",
        help: `which shell: ${shells.join(", ")}`,
        parse: parseShell,
        completes: { values: shells },
      },
    },
    options: {},
    without: { json: "it prints a script", quiet: "it prints a script" },
    examples: [
      { line: "banger completion bash > ~/.local/share/bash-completion/completions/banger", help: "for bash" },
      { line: "banger completion zsh > ~/.zsh/completions/_banger", help: "for zsh, in a directory of its $fpath" },
      { line: "banger completion fish > ~/.config/fish/completions/banger.fish", help: "for fish" },
    ],
  },
  async ({ args }, { out }) => {
    out.write(args.shell);
    return 0;
  },
);

/** The script itself. */
function parseShell(text: string): string {
  const script = Object.hasOwn(completionScripts, text) ? completionScripts[text] : undefined;
  if (script !== undefined) return script;
  throw new AppError("USAGE", `there is no completion for ${JSON.stringify(text)}`, {
    hint: `Give one of ${shells.join(", ")}.`,
  });
}
