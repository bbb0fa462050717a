import type { Command } from 'commander';
import type { DeleteManyOptions } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { duration, type FilterOptions, toFilter, withFilter } from '../options.js';
import { deleteChosen } from './delete.js';

interface Options extends ServerOption, FilterOptions {
  readonly olderThan?: number;
  readonly dryRun?: boolean;
  readonly json?: true;
}

const epilogue = `
Without --older-than, deletes what has expired: what has an expire time that is past, and what the lifetimes of the
vault have ended (vault set --lifetime). With it, deletes all that was created so long ago, also what the vault keeps
(vault set --keep-where). Works in batches, each committed by itself: if it is interrupted, call it again. Segments without another
reference become garbage, which gc collects.

Examples:
  stowken expire --older-than 90d --label user=7 --dry-run
  stowken expire && stowken gc`;

/** `stowken expire` */
export function addExpire(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('expire')))
    .description('delete conversations by age, or those that have expired')
    .option('--older-than <age>', 'created so long ago: 90d, 24h', duration)
    .option('--dry-run', 'delete nothing; report how many would be deleted')
    .option('--json', 'one JSON object with the fields of DeleteConversations')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const failed = await withClient(options, context, (client) =>
        deleteChosen(client, chosen(options, Date.now()), options, context),
      );
      done(failed ? exitCodes.failed : exitCodes.done);
    });
}

function chosen(options: Options, nowMs: number): DeleteManyOptions {
  const filter = toFilter(options);
  const { olderThan } = options;
  if (olderThan === undefined) return { expired: filter };
  const bornBeforeMs = Math.max(0, nowMs - olderThan);
  const createTimeBeforeMs = Math.min(filter.createTimeBeforeMs ?? Infinity, bornBeforeMs);
  return { filter: { ...filter, createTimeBeforeMs } };
}
