import type { Command } from 'commander';
import { type Conversation, printable, shellWord } from '../../model/index.js';
import type { StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type FilterOptions, toFilter, wholeNumber, withFilter } from '../options.js';
import { DamageReport } from '../damage-report.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTime, plainConversation, plural } from '../format.js';
import { formatTable } from '../table.js';

interface Options extends ServerOption, FilterOptions {
  readonly limit: number;
  readonly all?: true;
  readonly oldestFirst?: true;
  readonly byUpdate?: true;
  readonly count?: true;
  readonly json?: true;
}

/** Rows of one part of a table: columns are as wide as their widest cell, so a table is written in parts. */
const rowsOfTable = 500;

const epilogue = `
Examples:
  stowken list --application my-agent --limit 10
  stowken list --label user=7 --count
  stowken list --all --oldest-first --json`;

/** `stowken list` */
export function addList(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('list')))
    .description('list conversations, newest first')
    .option('--limit <n>', 'at most n conversations', wholeNumber(1), 50)
    .option('--all', 'every conversation')
    .option('--oldest-first', 'oldest conversation first')
    .option('--by-update', 'in the order of the last changes')
    .option('--count', 'only how many there are')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { output } = context;
      if (options.count) {
        await printCount(options, context);
        return done(exitCodes.done);
      }
      const damage = new DamageReport(context.io.stderr);
      let count = 0;
      context.interruption.onInterrupt(() => `${plural(count, 'conversation')} listed`);
      await withClient(options, context, async (client) => {
        const found = counted(listed(client, options, damage), () => count++);
        if (options.json)
          for await (const conversation of found) await output.json(plainConversation(conversation));
        else for await (const piece of tables(found)) await output.line(piece);
      });
      done(damage.count > 0 ? exitCodes.failed : exitCodes.done);
    });
}

async function printCount(options: Options, context: Context): Promise<void> {
  const query = { filter: toFilter(options), pageSize: 1, count: true };
  const { total } = await withClient(options, context, (client) => client.listPage(query));
  const { count = 0, isLowerBound = false } = total ?? {};
  if (options.json) await context.output.json({ count, is_lower_bound: isLowerBound });
  else await context.output.line(`${isLowerBound ? 'at least ' : ''}${plural(count, 'conversation')}`);
}

async function* listed(
  client: StowkenClient,
  options: Options,
  damage: DamageReport,
): AsyncGenerator<Conversation, void, void> {
  let left = options.all ? Infinity : options.limit;
  const found = client.list({
    filter: toFilter(options),
    order: orderOf(options),
    pageSize: Math.min(left, rowsOfTable),
    onDamaged: damage.add,
  });
  for await (const conversation of found) {
    yield conversation;
    if (--left === 0) return;
  }
}

function orderOf({ byUpdate, oldestFirst }: Options) {
  if (byUpdate) return oldestFirst ? 'earliestUpdateFirst' : 'latestUpdateFirst';
  return oldestFirst ? 'oldestFirst' : 'newestFirst';
}

async function* counted<T>(items: AsyncIterable<T>, count: () => void): AsyncGenerator<T, void, void> {
  for await (const item of items) {
    count();
    yield item;
  }
}

async function* tables(found: AsyncIterable<Conversation>): AsyncGenerator<string, void, void> {
  let rows: string[][] = [];
  let count = 0;
  const table = () => formatTable([heads, ...rows], ['left', 'left', 'left', 'left', 'right', 'right']);
  for await (const conversation of found) {
    count++;
    rows.push(row(conversation));
    if (rows.length < rowsOfTable) continue;
    yield table();
    rows = [];
  }
  if (rows.length > 0) yield table();
  if (count === 0) yield 'no conversations';
}

const heads = ['ID', 'CREATED', 'APPLICATION', 'MODEL', 'MESSAGES', 'TOKENS'];

function row({ id, createTimeMs, application, model, messageCount, totalTokens }: Conversation): string[] {
  const labels = [formatTime(createTimeMs), application, model].map(printable);
  return [shellWord(id), ...labels, formatCount(messageCount), formatCount(totalTokens)];
}
