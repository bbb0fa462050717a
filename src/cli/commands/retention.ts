import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import type { DiskSpace, Retention } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatTime, plural } from '../format.js';
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
    .description(
      'show what has expired and is still stored, the sweeps that delete it, and the space on the disk',
    )
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
    ...(found.space ? [spaceWords(found.space)] : []),
  ];
}

function spaceWords(space: DiskSpace): string {
  const { allocatedBytes, inUseBytes, givenBackBytes, isGivingBack, unsupported } = space;
  const sizes = `space: ${formatBytes(inUseBytes)} in use, ${formatBytes(allocatedBytes)} on the disk`;
  if (unsupported !== undefined) return `${sizes}; free pages are not given back: ${printable(unsupported)}`;
  const now = isGivingBack ? '; more is being given back' : '';
  return `${sizes}; given back since the start: ${formatBytes(givenBackBytes)}${now}`;
}

function plain(found: Retention): object {
  const { expired, isLowerBound, isAboveLimit, sweepIntervalMs, isSweeping, lastSweepMs, swept, space } =
    found;
  return {
    expired_conversations: expired,
    is_lower_bound: isLowerBound,
    is_above_limit: isAboveLimit,
    sweep_interval_seconds: sweepIntervalMs / 1000,
    is_sweeping: isSweeping,
    ...(lastSweepMs !== undefined && { last_sweep_time: formatTime(lastSweepMs) }),
    swept_conversations: swept,
    ...(space && {
      space: {
        allocated_bytes: space.allocatedBytes,
        in_use_bytes: space.inUseBytes,
        given_back_bytes: space.givenBackBytes,
        is_giving_back: space.isGivingBack,
        ...(space.unsupported !== undefined && { unsupported: space.unsupported }),
      },
    }),
  };
}
