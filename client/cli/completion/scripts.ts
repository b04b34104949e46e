/**
 * What a shell runs when a word is to be completed: it asks `ek __complete -- WORDS`, which answers one candidate a line,
 * with a tab before what it means. The word that is being written is the last.
 */

const bash = `# evenkeel: completion for bash
_evenkeel() {
  local typed="\${COMP_LINE:0:COMP_POINT}" cur="\${COMP_WORDS[COMP_CWORD]}" words candidate taken
  read -ra words <<< "$typed"
  [[ $typed == *[[:space:]] ]] && words+=("")
  # The shell takes = and : for the ends of words: what it has set apart must not come twice.
  [[ $cur == = || $cur == : ]] && cur=""
  taken="\${words[-1]%"$cur"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    COMPREPLY+=("\${candidate#"$taken"}")
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default
  elif [[ \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -F _evenkeel evenkeel ek
`

const zsh = `#compdef evenkeel ek
# evenkeel: completion for zsh
_evenkeel() {
  local -a described
  local line
  while IFS= read -r line; do
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("$words[1]" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#described} )); then _describe -t evenkeel evenkeel described; else _files; fi
}
compdef _evenkeel evenkeel ek
`

const fish = `# evenkeel: completion for fish
function __evenkeel_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c evenkeel -c ek -a '(__evenkeel_complete)'
`

export const SCRIPTS = { bash, zsh, fish } as const
