import type { Command } from 'commander';
import type { SharedSegment, StowkenClient } from '../../client/index.js';
import { printable, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTime, plural } from '../format.js';
import { formatTable } from '../table.js';
import { filled, wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly limit: number;
  readonly byReferences?: true;
  readonly byDay?: true;
  readonly zone?: string;
  readonly json?: true;
}

/** Characters of a text in the table. */
const TEXT_SHOWN = 60;
/** Characters of a hash in the table: enough to tell segments apart. */
const HASH_SHOWN = 12;

const epilogue = `
The list costs a page with the lmdb storage. Other storages look at every segment and every conversation for
it. With HASH, message lists are read, newest conversation first, until --limit are found; --by-day reads those
of the conversations between the first and the last one that has it, other storages all.

Examples:
  stowken prompts --limit 10
  stowken prompts HASH --by-day       # growth of a shared prompt; HASH as prompts --json has it`;

/** `stowken prompts` */
export function addPrompts(program: Command, context: Context, done: Done): void {
  withServer(program.command('prompts'))
    .description('list what conversations share: system prompts, tools')
    .argument('[hash]', 'list the conversations that have this one, newest first')
    .option('--by-day', 'with a hash: count them by day')
    .option('--zone <name>', 'time zone of days: Europe/Berlin; UTC if absent', filled)
    .option('--limit <n>', 'at most n', wholeNumber(1, 1000), 20)
    .option('--by-references', 'those in most conversations first, not those that save most tokens')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (hash: string | undefined, options: Options) => {
      const { output } = context;
      if (hash !== undefined) {
        if (!/^[0-9a-f]{64}$/.test(hash))
          throw new UsageError(
            `a hash has 64 hexadecimal digits, lower case: prompts --json has them, the table the first ${HASH_SHOWN}`,
          );
        if (options.zone !== undefined && !options.byDay) throw new UsageError('--zone needs --by-day');
        const list = options.byDay ? listDays : listUses;
        await withClient(options, context, (client) => list(client, hash, options, context));
        return done(exitCodes.done);
      }
      if (options.byDay || options.zone !== undefined) throw new UsageError('--by-day needs a hash');
      const query = {
        limit: options.limit,
        order: options.byReferences ? ('references' as const) : ('tokensSaved' as const),
      };
      const segments = await withClient(options, context, (client) => client.sharedSegments(query));
      if (options.json) for (const segment of segments) await output.json(plain(segment));
      else await output.line(segments.length === 0 ? 'nothing is shared' : table(segments));
      done(exitCodes.done);
    });
}

/** Lists the conversations that have a segment, newest first. */
async function listUses(
  client: StowkenClient,
  hash: string,
  { limit, json }: Options,
  { output, interruption, io }: Context,
): Promise<void> {
  let [looked, unread] = [0, 0];
  interruption.onInterrupt(() => `${formatCount(looked)} conversations looked at so far`);
  let [left, pageToken] = [limit, ''];
  do {
    const page = await client.segmentUsesPage(hash, { pageSize: left, pageToken });
    looked += page.lookedAt;
    unread += page.damaged;
    left -= page.uses.length;
    for (const { conversationId, createTimeMs, messageIndex, role } of page.uses) {
      const time = formatTime(createTimeMs);
      if (json)
        await output.json({
          conversation_id: conversationId,
          create_time: time,
          message_index: messageIndex,
          role,
        });
      else
        await output.line(
          `${time}  ${shellWord(conversationId)}  message ${messageIndex}  ${printable(role)}`,
        );
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && left > 0);
  warnOf(unread, io);
}

/** Counts the conversations that have a segment by day. */
async function listDays(
  client: StowkenClient,
  hash: string,
  { zone, json }: Options,
  { output, interruption, io }: Context,
): Promise<void> {
  let [looked, unread] = [0, 0];
  interruption.onInterrupt(() => `${formatCount(looked)} conversations looked at so far`);
  const query = zone === undefined ? {} : { timeZone: zone };
  for await (const { lookedAt, damaged, days } of client.segmentUsesByDay(hash, query)) {
    [looked, unread] = [lookedAt, damaged];
    for (const { day, conversations } of days) {
      if (json) await output.json({ day, conversations });
      else await output.line(`${day}  ${formatCount(conversations)}`);
    }
  }
  warnOf(unread, io);
}

function warnOf(damaged: number, io: Context['io']): void {
  if (damaged === 0) return;
  io.stderr.write(`${plural(damaged, 'conversation')} cannot be read, and may have it: see stowken verify\n`);
}

function plain(segment: SharedSegment): object {
  return {
    hash: segment.hash,
    references: segment.references,
    tokens: segment.tokenCount,
    tokens_saved: segment.tokensSaved,
    role: segment.role,
    conversation_id: segment.conversationId,
    text: segment.text,
    ...(segment.firstUseMs !== undefined && { first_use_time: formatTime(segment.firstUseMs) }),
    ...(segment.lastUseMs !== undefined && { last_use_time: formatTime(segment.lastUseMs) }),
  };
}

function table(segments: readonly SharedSegment[]): string {
  const heads = ['HASH', 'REFERENCES', 'TOKENS', 'TOKENS SAVED', 'ROLE', 'TEXT'];
  const rows = segments.map(({ hash, references, tokenCount, tokensSaved, role, text }) => [
    hash.slice(0, HASH_SHOWN),
    formatCount(references),
    formatCount(tokenCount),
    formatCount(tokensSaved),
    printable(role),
    printable(Array.from(text.replace(/\s+/g, ' ')).slice(0, TEXT_SHOWN).join('')),
  ]);
  return formatTable([heads, ...rows], ['left', 'right', 'right', 'right', 'left', 'left']);
}
