import type { Command } from 'commander';

/** `stowken help`: commander's own prints everything, and names no fault, for a command that is none. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show help for a command')
    .argument('[command]', 'the command; else all of them')
    .action((name: string | undefined) => {
      if (name === undefined) program.help();
      const command = program.commands.find((each) => each.name() === name);
      if (command === undefined) program.error(`error: unknown command '${name}'`);
      else command.help();
    });
}
