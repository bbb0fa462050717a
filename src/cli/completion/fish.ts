import type { CommandSyntax, OptionSyntax, Word } from './syntax.js';
import { words } from './words.js';

/** Writes the completion for fish. */
export function fishCompletion(commands: readonly CommandSyntax[]): string {
  const { descents, skips } = words(commands);
  const lines = ['stowken', 'stowken-server'].flatMap((program) => [
    `complete -c ${program} -f`,
    ...commands.flatMap((command) => linesOf(program, command)),
  ]);
  return `# Completion of stowken for fish, made by: stowken completion fish
function __stowken_at
    set -l at stowken
    set -l skipped 0
    for word in (commandline -opc)[2..-1]
        if test $skipped = 1
            set skipped 0
            continue
        end
        switch "$at $word"
            case ${descents.map(fishQuoted).join(' ')}
                set at "$at $word"
            case ${skips.map(fishQuoted).join(' ')}
                set skipped 1
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function linesOf(program: string, { path, commands, options, argument }: CommandSyntax): string[] {
  const here = `complete -c ${program} -n ${fishQuoted(`__stowken_at ${fishQuoted(path)}`)}`;
  return [
    ...commands.map(({ name, description }) => `${here} -a ${name} -d ${fishQuoted(description)}`),
    ...options.map((option) => `${here} ${optionOf(option)} -d ${fishQuoted(option.description)}`),
    ...(argument === undefined || argument.kind === 'other' ? [] : [`${here} ${valueOf(argument, '')}`]),
  ];
}

function optionOf({ names, value }: OptionSyntax): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...flags, ...(value === undefined ? [] : [valueOf(value, '-r ')])].join(' ');
}

function valueOf(word: Word, required: string): string {
  switch (word.kind) {
    case 'values':
      return `${required}-f -a ${fishQuoted(word.values.join(' '))}`;
    case 'file':
      return `${required}-F`;
    case 'folder':
      return `${required}-f -a '(__fish_complete_directories)'`;
    case 'other':
      return `${required}-f`;
  }
}

/** In single quotes fish knows two escapes. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
