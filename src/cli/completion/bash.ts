import { type CommandSyntax, quoted, type Word } from './syntax.js';
import { words } from './words.js';

/** Writes the completion for bash 4 and later. */
export function bashCompletion(commands: readonly CommandSyntax[]): string {
  const { descents, skips, values } = words(commands);
  return `# Completion of stowken for bash, made by: stowken completion bash
_stowken() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at=stowken i
  COMPREPLY=()
  # --option=value is three words to bash.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
${descents.map((path) => `      ${quoted(path)}) at=${quoted(path)} ;;`).join('\n')}
      ${skips.map(quoted).join('|')}) ((i++)) ;;
    esac
  done
  case "$at $prev" in
${values.map(({ paths, word }) => `    ${paths.map(quoted).join('|')}) ${reply(word)}; return ;;`).join('\n')}
  esac
  case "$at" in
${commands.map((command) => `    ${quoted(command.path)}) ${ordinary(command)} ;;`).join('\n')}
  esac
}
complete -F _stowken stowken stowken-server
`;
}

function reply(word: Word): string {
  switch (word.kind) {
    case 'values':
      return `mapfile -t COMPREPLY < <(compgen -W ${quoted(word.values.join(' '))} -- "$cur")`;
    case 'file':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")';
    case 'folder':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur")';
    case 'other':
      return ':';
  }
}

/** Completes options where a dash is typed, else commands or the argument. */
function ordinary({ commands, options, argument }: CommandSyntax): string {
  const names = options.flatMap((option) => option.names);
  const ofOptions = reply({ kind: 'values', values: names });
  const word: Word = argument ?? { kind: 'values', values: commands.map(({ name }) => name) };
  return `if [[ $cur == -* ]]; then ${ofOptions}; else ${reply(word)}; fi`;
}
