import type { Command } from 'commander';

/** `stowken help`. For an unknown command, commander's own prints everything and reports no error. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show help for a command')
    .argument('[command]', 'the command; all commands by default')
    .action((name: string | undefined) => {
      if (name === undefined) program.help();
      const command = program.commands.find((each) => each.name() === name);
      if (command === undefined) program.error(`error: unknown command '${name}'`);
      else command.help();
    });
}
