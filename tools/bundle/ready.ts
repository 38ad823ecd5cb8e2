/**
 * The text of build/ready.sh: a POSIX shell fragment that sets `stale` to the first input newer than itself, or to nothing.
 * It uses builtins only, because every start of the command line runs it.
 */
export function readySh(paths: readonly string[]): string {
  const list = [...new Set(paths)].sort().map((path) => `  ${quote(path)} \\`);
  return `# Written by tools/build.ts. Sourced by banger, which sets $root.
stale=
for input in \\
${list.join("\n")}
; do
  if [ "$root/$input" -nt "$root/build/ready.sh" ]; then
    stale=$input
    break
  fi
done
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
