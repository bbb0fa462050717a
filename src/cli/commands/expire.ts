import type { Command } from 'commander';
import type { ConversationFilter } from '../../client/index.js';
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
With --older-than, deletes what was created so long ago; without it, what has an expire time that is past. Works in
batches, each committed by itself: if it is interrupted, call it again. Segments without another reference become
garbage, which gc collects.

Examples:
  stowken expire --older-than 90d --label user=7 --dry-run
  stowken expire && stowken gc`;

/** `stowken expire` */
export function addExpire(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('expire')))
    .description('delete conversations by age, or those whose expire time is past')
    .option('--older-than <age>', 'created so long ago: 90d, 24h', duration)
    .option('--dry-run', 'delete nothing; report how many would be deleted')
    .option('--json', 'one JSON object with the fields of DeleteConversations')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const filter = filterOf(options, Date.now());
      const failed = await withClient(options, context, (client) =>
        deleteChosen(client, { filter }, options, context),
      );
      done(failed ? exitCodes.failed : exitCodes.done);
    });
}

function filterOf(options: Options, nowMs: number): ConversationFilter {
  const filter = toFilter(options);
  const { olderThan } = options;
  if (olderThan === undefined) {
    return { ...filter, expireTimeBeforeMs: Math.min(filter.expireTimeBeforeMs ?? Infinity, nowMs + 1) };
  }
  const bornBeforeMs = Math.max(0, nowMs - olderThan);
  return { ...filter, createTimeBeforeMs: Math.min(filter.createTimeBeforeMs ?? Infinity, bornBeforeMs) };
}
