import { Command } from 'commander';
import { withServer } from './connection/index.js';

const serverOptions = withServer(new Command()).options;

/** Options before a command's name: those that move behind it, those that stay, and where the name is. */
interface Leading {
  readonly moved: readonly string[];
  readonly kept: readonly string[];
  readonly end: number;
}

/** Splits the options before a command's name, with their values. Needs no commands. */
export function leadingOptions(program: Command, argv: readonly string[]): Leading {
  const moved: string[] = [];
  const kept: string[] = [];
  let at = 0;
  for (; at < argv.length && argv[at]!.startsWith('-'); at++) {
    const words = [argv[at]!];
    const [flag] = words[0]!.split('=') as [string];
    const option = [...serverOptions, ...program.options].find(({ long }) => long === flag);
    const takesNext = option?.required === true && flag === words[0];
    if (takesNext && at + 1 < argv.length) words.push(argv[++at]!);
    (option && serverOptions.includes(option) ? moved : kept).push(...words);
  }
  return { moved, kept, end: at };
}

/**
 * Returns the arguments with options of the server moved behind the command's name, where commands take them:
 * `stowken --server db1 token list` is `stowken token list --server db1`.
 */
export function withLeadingOptionsMoved(program: Command, argv: readonly string[]): readonly string[] {
  const { moved, kept, end } = leadingOptions(program, argv);
  let at = end;
  const names: string[] = [];
  let command: Command | undefined = program;
  for (; command !== undefined && command.commands.length > 0; at++) {
    command = command.commands.find((each) => each.name() === argv[at]);
    if (command) names.push(argv[at]!);
    else break;
  }
  const rest = argv.slice(at);
  // An unknown command is reported as such.
  return names.length === 0 ? [...kept, ...rest, ...moved] : [...kept, ...names, ...moved, ...rest];
}
