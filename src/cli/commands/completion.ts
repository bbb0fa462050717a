import { Argument, type Command } from 'commander';
import type { Context } from '../context.js';
import { bashCompletion, fishCompletion, syntaxOf, zshCompletion } from '../completion/index.js';
import { type Done, exitCodes } from '../exit-codes.js';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

const epilogue = `
Completes commands, options, and the values of those that have a few; names of files where files are meant.

Examples:
  source <(stowken completion bash)                                # or in a file, for every shell:
  stowken completion bash > ~/.local/share/bash-completion/completions/stowken
  stowken completion zsh > ~/.zfunc/_stowken                       # a folder of $fpath, before compinit
  stowken completion fish > ~/.config/fish/completions/stowken.fish`;

/** `stowken completion` */
export function addCompletion(program: Command, { output }: Context, done: Done): void {
  program
    .command('completion')
    .description('print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addHelpText('after', epilogue)
    .action(async (shell: keyof typeof shells) => {
      await output.write(shells[shell](syntaxOf(program)));
      done(exitCodes.done);
    });
}
