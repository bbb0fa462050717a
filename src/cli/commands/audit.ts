import type { Command } from 'commander';
import type { AuditEvent } from '../../client/index.js';
import { printable } from '../../model/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTime, plural } from '../format.js';
import { formatTable } from '../table.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { filled, time, wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly identity?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly json?: true;
}

const limitDefault = 100;

const epilogue = `
Shows calls that deleted, maintained or administered, and calls that were denied. Needs the right
"admin"; shows events of the vaults for which the caller has it.

Examples:
  stowken audit --since 2026-01-31
  stowken audit --vault team-a --identity ci --json`;

/** `stowken audit` */
export function addAudit(program: Command, context: Context, done: Done): void {
  withServer(program.command('audit'))
    .description('show the audit log, newest first')
    .option('--identity <name>', 'only calls of this caller', filled)
    .option('--since <time>', 'only calls from this time on', time)
    .option('--until <time>', 'only calls before this time', time)
    .option('--limit <n>', 'at most n events', wholeNumber(1), limitDefault)
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      await withClient(options, context, async ({ admin }) => {
        const events: AuditEvent[] = [];
        const { vault, identity, since, until, limit } = options;
        const filter = {
          ...(vault !== undefined && { vault }),
          ...(identity !== undefined && { identity }),
          ...(since !== undefined && { startMs: since }),
          ...(until !== undefined && { endMs: until }),
        };
        for await (const event of admin.listAuditEvents(filter)) {
          events.push(event);
          if (options.json) await context.output.json(plain(event));
          if (events.length === limit) break;
        }
        if (!options.json) await context.output.line(events.length === 0 ? 'no events' : table(events));
      });
      done(exitCodes.done);
    });
}

const heads = ['TIME', 'WHO', 'FROM', 'METHOD', 'VAULT', 'NAMES', 'RESULT'];

function table(events: readonly AuditEvent[]): string {
  const rows = events.map(({ timeMs, identity, peer, method, vault, ids, idCount, result, repeated }) => [
    formatTime(timeMs),
    identity === '' ? '-' : printable(identity),
    peer || '-',
    method,
    vault === '' ? '-' : printable(vault),
    idCount === 0
      ? '-'
      : idCount === 1
        ? printable(ids[0]!)
        : `${printable(ids[0]!)} and ${plural(idCount - 1, 'other')}`,
    repeated === 0 ? result : `${result}, ${plural(repeated, 'more time')}`,
  ]);
  return formatTable(
    [heads, ...rows],
    heads.map(() => 'left'),
  );
}

function plain({
  number,
  timeMs,
  identity,
  peer,
  method,
  vault,
  ids,
  idCount,
  result,
  repeated,
}: AuditEvent): object {
  return {
    number,
    time: formatTime(timeMs),
    ...(identity !== '' && { identity }),
    ...(peer !== '' && { peer }),
    method,
    ...(vault !== '' && { vault }),
    ...(idCount > 0 && { ids, id_count: idCount }),
    result,
    ...(repeated > 0 && { repeated }),
  };
}
