import type { Command } from 'commander';
import type { StowkenClient } from '../../client/index.js';
import type { Conversation } from '../../model/index.js';
import { wholeNumber } from '../arguments.js';
import { DamageReport } from '../damage-report.js';
import type { Context } from '../context.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { toFilter, withFilter, type FilterOptions } from '../filter-options.js';
import { formatCount, formatTable, formatTime, printable } from '../format.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption, FilterOptions {
  readonly limit: number;
  readonly all?: true;
  readonly oldestFirst?: true;
  readonly json?: true;
}

/** A table's columns are as wide as its widest cell, so it is written in parts of this many rows. */
const rowsOfTable = 500;

/** `stowken list` */
export function addList(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('list'), context))
    .description('list conversations, newest first')
    .option('--limit <n>', 'so many at most', wholeNumber(1), 50)
    .option('--all', 'all that there are')
    .option('--oldest-first', 'in the other order')
    .option('--json', 'one JSON object a line')
    .action(async (options: Options) => {
      const output = new Output(context.io.stdout);
      const damage = new DamageReport(context.io.stderr);
      await withClient(options, async (client) => {
        const found = listed(client, options, damage);
        if (options.json) for await (const conversation of found) await output.line(json(conversation));
        else for await (const piece of tables(found)) await output.line(piece);
      });
      await output.finish();
      done(damage.count > 0 ? exitCodes.failed : exitCodes.done);
    });
}

async function* listed(
  client: StowkenClient,
  options: Options,
  damage: DamageReport,
): AsyncGenerator<Conversation, void, void> {
  let left = options.all ? Infinity : options.limit;
  const found = client.list({
    filter: toFilter(options),
    order: options.oldestFirst ? 'oldestFirst' : 'newestFirst',
    pageSize: Math.min(left, rowsOfTable),
    onDamaged: damage.add,
  });
  for await (const conversation of found) {
    yield conversation;
    if (--left === 0) return;
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
  const labels = [id, formatTime(createTimeMs), application, model].map(printable);
  return [...labels, formatCount(messageCount), formatCount(totalTokens)];
}

function json(conversation: Conversation): string {
  return JSON.stringify({
    id: conversation.id,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    ...(conversation.parentId !== '' && { parent_id: conversation.parentId }),
    revision: conversation.revision,
    message_count: conversation.messageCount,
    total_tokens: conversation.totalTokens,
    create_time: formatTime(conversation.createTimeMs),
    update_time: formatTime(conversation.updateTimeMs),
    ...(conversation.expireTimeMs !== undefined && { expire_time: formatTime(conversation.expireTimeMs) }),
    metadata: conversation.metadata,
  });
}
