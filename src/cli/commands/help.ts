import type { Command } from 'commander';

/** `stowken help`. For an unknown command, commander's own prints everything and reports no error. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show help for a command')
    .argument('[command...]', 'the command, with one below it: vault set; all commands by default')
    .action((names: readonly string[]) => {
      let described = program;
      for (const [at, name] of names.entries()) {
        const below = described.commands.find((each) => each.name() === name);
        if (below === undefined)
          return program.error(`error: unknown command '${names.slice(0, at + 1).join(' ')}'`);
        described = below;
      }
      return described.help();
    });
}
