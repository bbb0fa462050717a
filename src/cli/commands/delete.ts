import type { Command } from 'commander';
import type { DeleteManyOptions, Released, StowkenClient } from '../../client/index.js';
import { UsageError, type Context } from '../context.js';
import { DamageReport } from '../damage-report.js';
import { describeError } from '../errors.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { toFilter, withFilter, type FilterOptions } from '../filter-options.js';
import { plural, printable } from '../format.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption, FilterOptions {
  readonly all?: true;
  readonly dryRun?: boolean;
  readonly allowMissing?: boolean;
}

const epilogue = `
Give ids, or flags that choose conversations, or --all.

Examples:
  stowken delete run-1 run-2
  stowken delete --application agents --before 2026-01-31 --dry-run`;

/** `stowken delete` */
export function addDelete(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('delete'), context))
    .description('delete conversations; what nothing else refers to becomes garbage (see gc)')
    .argument('[id...]', 'the conversations')
    .option('--all', 'every conversation of the vault')
    .option('--dry-run', 'delete nothing; say how many would be')
    .option('--allow-missing', 'succeed for one that is not there')
    .addHelpText('after', epilogue)
    .action(async (ids: string[], options: Options) => {
      const chosen = choose(ids, options);
      const oneByOne = chosen.ids !== undefined && options.dryRun !== true;
      const failed = await withClient(options, (client) =>
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

/** Whether one of them failed. */
async function deleteEach(
  client: StowkenClient,
  ids: readonly string[],
  { allowMissing = false }: { readonly allowMissing?: boolean },
  { io }: Context,
): Promise<boolean> {
  const output = new Output(io.stdout);
  let failed = false;
  for (const id of ids) {
    const text = await client.delete(id, { allowMissing }).then(
      (result) => `${printable(id)}: ${result.missing ? 'not there' : `deleted; ${released(result)}`}`,
      (error: unknown) => {
        failed = true;
        io.stderr.write(`${printable(id)}: ${describeError(error)}\n`);
      },
    );
    if (text !== undefined) await output.line(text);
  }
  return failed;
}

/** Whether an id was missing that must not be, or a conversation cannot be read. */
async function deleteChosen(
  client: StowkenClient,
  chosen: DeleteManyOptions,
  { dryRun = false, allowMissing = false }: Options,
  { io }: Context,
): Promise<boolean> {
  const result = await client.deleteMany({ ...chosen, dryRun });
  const { conversations, missing, changed } = result;
  const count = plural(conversations, 'conversation');
  const notes = [
    dryRun ? `would delete ${count}` : `deleted ${count}; ${released(result)}`,
    ...(missing > 0 ? [`${plural(missing, 'id')} not there`] : []),
    ...(changed > 0 ? [`${plural(changed, 'conversation')} changed meanwhile and left`] : []),
  ];
  await new Output(io.stdout).line(notes.join('; '));
  const damage = new DamageReport(io.stderr);
  result.damaged.forEach(damage.add);
  return damage.count > 0 || (missing > 0 && !allowMissing);
}

function released({ releasedReferences, garbageSegments }: Released): string {
  return `released ${plural(releasedReferences, 'segment')}, ${plural(garbageSegments, 'segment')} now garbage`;
}
