import type { Command } from 'commander';
import { printable, shellWord } from '../../model/index.js';
import {
  type DeleteManyOptions,
  type DeleteManyResult,
  isClientError,
  isUnreachable,
  type Released,
  type StowkenClient,
} from '../../client/index.js';
import { type Context, UsageError } from '../context.js';
import { DamageReport } from '../damage-report.js';
import { describeError } from '../errors.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type FilterOptions, toFilter, withFilter } from '../options.js';
import { formatCount, plural } from '../format.js';

interface Options extends ServerOption, FilterOptions {
  readonly all?: true;
  readonly dryRun?: boolean;
  readonly allowMissing?: boolean;
  readonly json?: true;
}

const epilogue = `
Give ids, or options that select conversations, or --all.

Examples:
  stowken delete run-1 run-2
  stowken delete --application agents --before 2026-01-31 --dry-run`;

/** `stowken delete` */
export function addDelete(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('delete')))
    .description('delete conversations; segments without another reference become garbage (see gc)')
    .argument('[id...]', 'the conversations')
    .option('--all', 'every conversation of the vault')
    .option('--dry-run', 'delete nothing; report how many would be deleted')
    .option('--allow-missing', 'succeed if a conversation does not exist')
    .option(
      '--json',
      'one JSON object: for each id with the fields of DeleteConversation, else of DeleteConversations',
    )
    .addHelpText('after', epilogue)
    .action(async (ids: string[], options: Options) => {
      const chosen = choose(ids, options);
      const oneByOne = chosen.ids !== undefined && options.dryRun !== true;
      const failed = await withClient(options, context, (client) =>
        oneByOne ? deleteEach(client, ids, options, context) : deleteChosen(client, chosen, options, context),
      );
      done(failed ? exitCodes.failed : exitCodes.done);
    });
}

function choose(ids: readonly string[], options: Options): DeleteManyOptions {
  const filter = toFilter(options);
  const choices: DeleteManyOptions[] = [
    ...(ids.length > 0 ? [{ ids }] : []),
    ...(Object.keys(filter).length > 0 ? [{ filter }] : []),
    ...(options.all ? [{ all: true }] : []),
  ];
  if (choices.length === 1) return choices[0]!;
  const given = choices.length === 0 ? 'none of them is given' : 'more than one of them is given';
  throw new UsageError(`ids, flags that choose conversations, or --all: ${given}`);
}

/** Resolves to true if one of them failed. */
async function deleteEach(
  client: StowkenClient,
  ids: readonly string[],
  { allowMissing = false, json }: Options,
  { io, output, interruption }: Context,
): Promise<boolean> {
  let deleted = 0;
  let failed = 0;
  interruption.onInterrupt(
    () =>
      `deleted ${formatCount(deleted)} of ${plural(ids.length, 'conversation')}, and perhaps ${shellWord(ids[deleted + failed]!)}`,
  );
  for (const id of ids) {
    try {
      const result = await client.delete(id, { allowMissing });
      if (json) await output.json({ id, missing: result.missing, ...plainReleased(result) });
      else
        await output.line(
          `${shellWord(id)}: ${result.missing ? 'not there' : `deleted; ${released(result)}`}`,
        );
      deleted++;
    } catch (error) {
      if (!isClientError(error) || isUnreachable(error) || interruption.signal.aborted) throw error;
      io.stderr.write(`${shellWord(id)}: ${printable(describeError(error))}\n`);
      failed++;
    }
  }
  return failed > 0;
}

/** Resolves to true if a required id was missing, or a conversation cannot be read. */
export async function deleteChosen(
  client: StowkenClient,
  chosen: DeleteManyOptions,
  { dryRun = false, allowMissing = false, json }: Pick<Options, 'dryRun' | 'allowMissing' | 'json'>,
  { io, output, interruption }: Context,
): Promise<boolean> {
  interruption.onInterrupt(() =>
    dryRun
      ? 'nothing was deleted'
      : 'some may be deleted, and the others are as they were; call again for the rest',
  );
  const result = await client.deleteMany({ ...chosen, dryRun });
  const { missing, damaged } = result;
  if (json) await output.json({ dry_run: dryRun, ...plainResult(result) });
  else await output.line(sentence(result, dryRun));
  const damage = new DamageReport(io.stderr);
  damaged.forEach(damage.add);
  return damage.count > 0 || (missing > 0 && !allowMissing);
}

function sentence(result: DeleteManyResult, dryRun: boolean): string {
  const { conversations, missing, changed } = result;
  const count = plural(conversations, 'conversation');
  const notes = [
    dryRun ? `would delete ${count}` : `deleted ${count}; ${released(result)}`,
    ...(missing > 0 ? [`${plural(missing, 'id')} not there`] : []),
    ...(changed > 0 ? [`${plural(changed, 'conversation')} changed meanwhile and left`] : []),
  ];
  return notes.join('; ');
}

function plainResult({ conversations, missing, changed, damaged, ...rest }: DeleteManyResult): object {
  const plainDamaged = damaged.map(({ id, error }) => ({ id, reason: error.reason, message: error.message }));
  return { conversations, missing, changed, ...plainReleased(rest), damaged: plainDamaged };
}

function plainReleased({ releasedReferences, garbageSegments }: Released): object {
  return { released_references: releasedReferences, garbage_segments: garbageSegments };
}

function released({ releasedReferences, garbageSegments }: Released): string {
  return `released ${plural(releasedReferences, 'segment')}, ${plural(garbageSegments, 'segment')} now garbage`;
}
