/**
 * Completion scripts. They hold no list of commands: each asks this very program, which answers
 * from the table it also parses with, so that a script never grows old.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The word that asks for proposals: then come the words so far, the last one unfinished. */
export const COMPLETE = "__complete";

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of teredo for bash: eval "$(teredo completion bash)"
_teredo() {
  local IFS=$'\\n'
  COMPREPLY=($(teredo ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _teredo teredo
`,
  zsh: `#compdef teredo
# Completion of teredo for zsh: eval "$(teredo completion zsh)"
_teredo() {
  local -a proposals
  local name brief
  while IFS=$'\\t' read -r name brief; do
    proposals+=("\${name//:/\\\\:}:$brief")
  done < <(teredo ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#proposals )); then _describe teredo proposals; else _files; fi
}
compdef _teredo teredo
`,
  fish: `# Completion of teredo for fish: teredo completion fish | source
function __teredo_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l proposals (teredo ${COMPLETE} $words[2..] 2>/dev/null)
  if test (count $proposals) -gt 0
    printf '%s\\n' $proposals
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c teredo -f -a '(__teredo_complete)'
`,
};

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
