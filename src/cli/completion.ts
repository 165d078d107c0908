/**
 * Completion scripts. They hold no list of commands: each asks this very program, which answers
 * from the table it also parses with, so that a script never grows old.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The word that asks for proposals: then come the words so far, the last one unfinished. */
export const COMPLETE = "__complete";

/** Behind what is written so far: file names are what is wanted. No file's name holds a zero. */
const FILES = "\0files";
/** How a script is told so. */
const FILES_LINE = ":files";

/** For a parameter that names a file: the shell knows them best. */
export function proposeFiles(partial: string): string[] {
  return [`${partial}${FILES}`];
}

/** A proposal as a line for the scripts: the word, a tab, what it does. */
export function proposalLine(completion: string, brief: string): string {
  if (completion.endsWith(FILES)) return `${FILES_LINE}\n`;
  return `${completion}\t${brief}\n`;
}

/** The words of a command line as they are parsed: `--flag value` for what a shell has as one. */
export interface Typed {
  readonly words: readonly string[];
  /** What stands before the last word, in the same word of the shell. */
  readonly prefix: string;
}

/** bash parts `--flag=value` into three words, other shells give one. */
export function typedWords(argv: readonly string[]): Typed {
  const words = argv.flatMap((word, i) => {
    if (word === "=" && argv[i - 1]?.startsWith("--")) return i === argv.length - 1 ? [""] : [];
    const [, flag, value] = /^(--[a-z0-9-]+)=(.*)$/s.exec(word) ?? [];
    return flag === undefined ? [word] : [flag, value!];
  });
  const prefix = /^--[a-z0-9-]+=/.exec(argv.at(-1) ?? "")?.[0] ?? "";
  return { words, prefix };
}

const SCRIPTS: Readonly<Record<Shell, string>> = {
  // bash parts words at colons; in an argument of ours none stands for itself.
  bash: `# Completion of teredo for bash: eval "$(teredo completion bash)"
_teredo() {
  local word line cur=\${COMP_WORDS[COMP_CWORD]} words=() i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((\${#words[@]})) && [[ $word == :* || \${words[-1]} == *: && $word == [0-9a-fA-F/]* ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  [[ $cur == = ]] && cur=
  COMPREPLY=()
  while IFS=$'\\t' read -r line word; do
    if [[ $line == ${FILES_LINE} ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      COMPREPLY+=("$line")
    fi
  done < <(teredo ${COMPLETE} "\${words[@]}" 2>/dev/null)
}
complete -F _teredo teredo
`,
  // As a file of $fpath it is the body of the function, at the first call: that call has to be made.
  zsh: `#compdef teredo
# Completion of teredo for zsh: eval "$(teredo completion zsh)", or as _teredo in a folder of $fpath
_teredo() {
  local -a proposals
  local name brief files
  while IFS=$'\\t' read -r name brief; do
    if [[ $name == ${FILES_LINE} ]]; then files=1; continue; fi
    proposals+=("\${name//:/\\\\:}:$brief")
  done < <(teredo ${COMPLETE} "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  if [[ -n $files ]]; then
    compset -P '--*='
    _files
  fi
  (( $#proposals )) && _describe teredo proposals
}
if [[ \${funcstack[1]} == _teredo ]]; then
  _teredo "$@"
else
  compdef _teredo teredo
fi
`,
  fish: `# Completion of teredo for fish: teredo completion fish | source
function __teredo_complete
  set -l words (commandline -opc) (commandline -ct)
  for proposal in (teredo ${COMPLETE} $words[2..] 2>/dev/null)
    if test "$proposal" = ${FILES_LINE}
      set -l token (commandline -ct)
      set -l flag (string match -r -- '^--[a-z0-9-]+=' $token)
      for path in (__fish_complete_path (string replace -r -- '^--[a-z0-9-]+=' '' $token))
        printf '%s\\n' "$flag$path"
      end
    else
      printf '%s\\n' $proposal
    end
  end
end
complete -c teredo -f -a '(__teredo_complete)'
`,
};

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
