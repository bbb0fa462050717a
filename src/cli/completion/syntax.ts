import type { Argument, Command, Option } from 'commander';
import { knownValues } from '../known-values.js';

/** Things that a word of the command line can be. */
export type Word =
  | { readonly kind: 'values'; readonly values: readonly string[] }
  | { readonly kind: 'file' | 'folder' | 'other' };

export interface OptionSyntax {
  /** Names with their dashes; the long one is last. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent for a switch. */
  readonly value?: Word;
}

/** Syntax of a command. The tree of commands is listed flat, each under its path: "stowken vault create". */
export interface CommandSyntax {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionSyntax[];
  readonly argument: Word | undefined;
}

/** Describes a command and those below it, as commander knows them. */
export function syntaxOf(command: Command, path = command.name()): CommandSyntax[] {
  const visible = command.createHelp();
  const commands = visible.visibleCommands(command);
  const own: CommandSyntax = {
    path,
    commands: commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: visible.visibleOptions(command).map(optionSyntax),
    argument: command.registeredArguments[0] && argumentWord(command, command.registeredArguments[0]),
  };
  return [
    own,
    ...commands.flatMap((each) => syntaxOf(each, `${path} ${each.name()}`)),
    ...helpPaths(command, path),
  ];
}

/** Describes the words after `help vault`: the commands below those that `help` takes. */
function helpPaths(command: Command, path: string): CommandSyntax[] {
  if (command.registeredArguments[0]?.name() !== 'command') return [];
  const siblings = command.parent?.commands ?? [];
  return siblings
    .filter((sibling) => sibling.commands.length > 0)
    .map((sibling) => ({
      path: `${path} ${sibling.name()}`,
      commands: sibling.commands.map((each) => ({ name: each.name(), description: each.description() })),
      options: [],
      argument: undefined,
    }));
}

function optionSyntax(option: Option): OptionSyntax {
  const { short, long, description, flags } = option;
  const names = [short, long].filter((name) => name !== undefined);
  if (!option.required && !option.optional) return { names, description };
  const values = knownValues(option);
  if (values.length > 0) return { names, description, value: { kind: 'values', values } };
  return { names, description, value: namedWord(/[<[](.*)[>\]]/.exec(flags)?.[1] ?? '') };
}

/** The argument of `help` is a command; other arguments say by their names what they are. */
function argumentWord(command: Command, argument: Argument): Word {
  if (argument.argChoices) return { kind: 'values', values: argument.argChoices };
  const siblings = command.parent?.commands.map((each) => each.name()) ?? [];
  return argument.name() === 'command' ? { kind: 'values', values: siblings } : namedWord(argument.name());
}

function namedWord(name: string): Word {
  if (/^files?\b/.test(name)) return { kind: 'file' };
  return { kind: /^(dir|folder)\b/.test(name) ? 'folder' : 'other' };
}

/** Quotes a text for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
