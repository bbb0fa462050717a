import type { Command } from 'commander';
import type { Retention } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTime, plural } from '../format.js';
import { formatAge } from '../lifetimes.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
Conversations that have expired cannot be read. The sweeps of the server delete them (serve --sweep-interval,
--sweep-window), and expire does so at once. Lifetimes are settings of a vault: vault set NAME --lifetime 90d.

Examples:
  stowken retention status
  stowken retention status --vault team-a --json`;

/** `stowken retention status` */
export function addRetention(program: Command, context: Context, done: Done): void {
  const retention = program
    .command('retention')
    .description('show what has expired and is still stored')
    .addHelpText('after', epilogue);
  withServer(retention.command('status'))
    .description('show what has expired and is still stored, and the sweeps that delete it')
    .option('--json', 'one JSON object with the fields of GetRetention')
    .action(async (options: Options) => {
      const found = await withClient(options, context, ({ admin }) => admin.getRetention());
      if (options.json) await context.output.json(plain(found));
      else for (const line of words(found)) await context.output.line(line);
      done(exitCodes.done);
    });
}

function words(found: Retention): string[] {
  const { expired, isLowerBound, isAboveLimit, sweepIntervalMs, isSweeping, lastSweepMs, swept } = found;
  const atLeast = isLowerBound ? 'at least ' : '';
  const last = lastSweepMs === undefined ? 'none yet' : formatTime(lastSweepMs);
  const sweeps =
    sweepIntervalMs === 0
      ? 'the server does not sweep: stowken expire deletes'
      : `every ${formatAge(sweepIntervalMs)}, the last one: ${last}${isSweeping ? '; one is under way' : ''}`;
  return [
    `expired, not deleted: ${atLeast}${plural(expired, 'conversation')}`,
    ...(isAboveLimit ? ['the vault is above a limit: the oldest conversations are to be deleted'] : []),
    `sweeps: ${sweeps}`,
    ...(sweepIntervalMs === 0 ? [] : [`deleted by sweeps since the start: ${formatCount(swept)}`]),
  ];
}

function plain(found: Retention): object {
  const { expired, isLowerBound, isAboveLimit, sweepIntervalMs, isSweeping, lastSweepMs, swept } = found;
  return {
    expired_conversations: expired,
    is_lower_bound: isLowerBound,
    is_above_limit: isAboveLimit,
    sweep_interval_seconds: sweepIntervalMs / 1000,
    is_sweeping: isSweeping,
    ...(lastSweepMs !== undefined && { last_sweep_time: formatTime(lastSweepMs) }),
    swept_conversations: swept,
  };
}
