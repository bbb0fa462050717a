import { type CommandSyntax, quoted, type Word } from './syntax.js';
import { words } from './words.js';

/** Writes the completion for zsh: a file _stowken in a folder of $fpath, or sourced. */
export function zshCompletion(commands: readonly CommandSyntax[]): string {
  const { descents, skips, values } = words(commands);
  return `#compdef stowken stowken-server
# Completion of stowken for zsh, made by: stowken completion zsh
_stowken() {
  local at=stowken prev=\${words[CURRENT-1]} i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
${descents.map((path) => `      ${quoted(path)}) at=${quoted(path)} ;;`).join('\n')}
      ${skips.map(quoted).join('|')}) ((i++)) ;;
    esac
  done
  if [[ \${words[CURRENT]} == --*=* ]]; then
    prev=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  case "$at $prev" in
${values.map(({ paths, word }) => `    ${paths.map(quoted).join('|')}) ${reply(word)}; return ;;`).join('\n')}
  esac
  case "$at" in
${commands.map((command) => `    ${quoted(command.path)}) ${ordinary(command)} ;;`).join('\n')}
  esac
}
if [[ \${funcstack[1]} == _stowken ]]; then _stowken "$@"; else compdef _stowken stowken stowken-server; fi
`;
}

function reply(word: Word): string {
  switch (word.kind) {
    case 'values':
      return `compadd -- ${word.values.map(quoted).join(' ')}`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'other':
      return ':';
  }
}

function ordinary({ commands, options, argument }: CommandSyntax): string {
  const described = (name: string, description: string) =>
    quoted(`${name.replaceAll(':', '\\:')}:${description}`);
  const names = options.flatMap((option) => option.names.map((name) => described(name, option.description)));
  const below = commands.map(({ name, description }) => described(name, description));
  const otherwise =
    argument === undefined ? `list=(${below.join(' ')}); _describe command list` : reply(argument);
  return `if [[ \${words[CURRENT]} == -* ]]; then list=(${names.join(' ')}); _describe option list; else ${otherwise}; fi`;
}
