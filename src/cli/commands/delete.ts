import type { Command } from 'commander';
import type { DeleteResult } from '../../client/index.js';
import type { Context } from '../context.js';
import { describeError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { plural, printable } from '../format.js';
import { Output } from '../output.js';
import type { Done } from '../program.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption {
  readonly allowMissing?: true;
}

/** `stowken delete` */
export function addDelete(program: Command, context: Context, done: Done): void {
  withServer(program.command('delete'), context)
    .description('delete conversations; what nothing else refers to becomes garbage (see gc)')
    .argument('<id...>', 'the conversations')
    .option('--allow-missing', 'succeed for one that is not there')
    .action(async (ids: string[], options: Options) => {
      const { io } = context;
      const output = new Output(io.stdout);
      const failed = await withClient(options, async (client) => {
        let failures = 0;
        for (const id of ids) {
          const deleting = client.delete(id, { allowMissing: options.allowMissing === true });
          const text = await deleting.then(
            (result) => sentence(id, result),
            (error: unknown) => {
              failures++;
              io.stderr.write(`${printable(id)}: ${describeError(error)}\n`);
            },
          );
          if (text !== undefined) await output.line(text);
        }
        return failures;
      });
      done(failed > 0 ? exitCodes.failed : exitCodes.done);
    });
}

function sentence(id: string, { releasedReferences, garbageSegments }: DeleteResult): string {
  const released = plural(releasedReferences, 'segment');
  return `${printable(id)}: deleted; released ${released}, ${plural(garbageSegments, 'segment')} now garbage`;
}
