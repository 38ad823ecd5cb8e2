/**
 * What a shell reads to complete `banger`. The scripts know how their shell offers words, and nothing about banger: all that
 * is asked of `banger __complete`, by the very program that is being typed. They need no other package, and evaluate nothing
 * of what is typed.
 */

/** bash breaks words at `:` and `=`: they are put together for the question, and their beginning is cut off the answers. */
const bash = `# bash completion for banger
_banger() {
  local -a words=() lines=() paths=()
  local index word rest=$COMP_LINE current cut line
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if ((index > 0)) && [[ -n $rest && $rest != [[:space:]]* ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    rest=\${rest#"$word"}
  done
  current=\${words[-1]}
  cut=\${current%"\${current##*[:=]}"}
  mapfile -t lines < <("$1" __complete "\${words[@]:1}" 2>/dev/null </dev/null)
  COMPREPLY=()
  for line in "\${lines[@]:1}"; do
    line=\${line%%$'\\t'*}
    COMPREPLY+=("\${line#"$cut"}")
  done
  case \${lines[0]-} in
    files) mapfile -t paths < <(compgen -f -- "\${current#"$cut"}") ;;
    directories) mapfile -t paths < <(compgen -d -- "\${current#"$cut"}") ;;
  esac
  if ((\${#COMPREPLY[@]} == 0)); then compopt -o filenames; fi
  COMPREPLY+=("\${paths[@]}")
  if ((\${#COMPREPLY[@]} == 1)) && [[ \${COMPREPLY[0]} == *[:=/] ]]; then compopt -o nospace; fi
}
complete -F _banger banger
`;

/** What ends with a colon or a slash is the beginning of MACHINE:PATH, so that no space goes behind it. */
const zsh = `#compdef banger
# zsh completion for banger
_banger() {
  local -a lines plain open
  local line offer
  lines=("\${(@f)$("\${(Q)words[1]}" __complete "\${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    offer=\${line%%$'\\t'*}
    offer=\${offer//:/\\\\:}:\${line#*$'\\t'}
    if [[ $line == *[:/]$'\\t'* ]]; then open+=("$offer"); else plain+=("$offer"); fi
  done
  ((\${#plain})) && _describe -V 'banger' plain
  ((\${#open})) && _describe -V 'machine' open -S ''
  case $lines[1] in
    files) _files ;;
    directories) _files -/ ;;
  esac
}
if [[ \${funcstack[1]} == _banger ]]; then
  _banger "$@"
else
  compdef _banger banger
fi
`;

const fish = `# fish completion for banger
function __banger_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null </dev/null)
    for line in $lines[2..-1]
        echo $line
    end
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case directories
            __fish_complete_directories "$current"
    end
end
complete -c banger -f -a '(__banger_complete)'
`;

export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
