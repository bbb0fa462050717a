import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addCommands } from '../../src/cli/commands/index.js';
import type { Context } from '../../src/cli/context.js';

/** Returns the names of the commands that are added for these arguments. */
async function added(...argv: string[]): Promise<string[]> {
  const program = new Command();
  await addCommands(program, argv, {} as Context, () => undefined);
  return program.commands.map((command) => command.name());
}

describe('the commands of the program', () => {
  it('adds all of them for help and for what is no command', async () => {
    const all = await added();
    expect(all.length).toBeGreaterThan(30);
    for (const argv of [['--help'], ['help', 'list'], ['completion', 'bash'], ['exprot']])
      expect(await added(...argv)).toEqual(all);
  });

  it('adds all of them for help beside a name, and for a wrong name before a right one', async () => {
    const all = await added();
    for (const argv of [
      ['--help', 'serve'],
      ['-h', 'list'],
      ['--server', 'list', '--help'],
      ['lits', 'serve'],
    ])
      expect(await added(...argv)).toEqual(all);
    expect(await added('get', 'import')).toEqual(['get']);
  });

  it('adds none for the version', async () => {
    expect(await added('--version')).toEqual([]);
    expect(await added('--version', 'list')).toEqual([]);
  });

  it('adds each under the name that loads it, and no other', async () => {
    for (const name of await added())
      if (!['help', 'completion'].includes(name))
        expect(await added('--server', 'db1', name)).toEqual([name]);
  });
});
