import type { Command } from 'commander';
import type { SharedSegment, StowkenClient } from '../../client/index.js';
import { printable, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTable, formatTime } from '../format.js';
import { wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly limit: number;
  readonly byReferences?: true;
  readonly byDay?: true;
  readonly json?: true;
}

/** Characters of a text in the table. */
const TEXT_SHOWN = 60;
/** Characters of a hash in the table: enough to tell segments apart. */
const HASH_SHOWN = 12;

const epilogue = `
The list costs a page with the lmdb storage. Other storages look at every segment and every conversation for
it. With HASH, message lists are read, newest conversation first, until --limit are found; --by-day reads those
of the whole vault.

Examples:
  stowken prompts --limit 10
  stowken prompts HASH --by-day       # growth of a shared prompt; HASH as prompts --json has it`;

/** `stowken prompts` */
export function addPrompts(program: Command, context: Context, done: Done): void {
  withServer(program.command('prompts'))
    .description('list what conversations share: system prompts, tools')
    .argument('[hash]', 'list the conversations that have this one, newest first')
    .option('--by-day', 'with a hash: count them by day, in UTC')
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
        await withClient(options, context, (client) => listUses(client, hash, options, context));
        return done(exitCodes.done);
      }
      if (options.byDay) throw new UsageError('--by-day needs a hash');
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

/** Lists the conversations that have a segment, or counts all of them by day. */
async function listUses(
  client: StowkenClient,
  hash: string,
  { limit, byDay, json }: Options,
  { output, interruption }: Context,
): Promise<void> {
  let looked = 0;
  interruption.onInterrupt(() => `${formatCount(looked)} conversations looked at so far`);
  const days = new Map<string, number>();
  let [left, pageToken] = [limit, ''];
  do {
    const pageSize = byDay ? 1000 : Math.min(left, 1000);
    const page = await client.segmentUsesPage(hash, { pageSize, pageToken });
    looked += page.lookedAt;
    for (const { conversationId, createTimeMs, messageIndex, role } of page.uses) {
      const time = formatTime(createTimeMs);
      left -= 1;
      if (byDay) days.set(time.slice(0, 10), (days.get(time.slice(0, 10)) ?? 0) + 1);
      else if (json)
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
  } while (pageToken !== '' && (byDay || left > 0));
  for (const [day, conversations] of [...days].reverse()) {
    if (json) await output.json({ day, conversations });
    else await output.line(`${day}  ${formatCount(conversations)}`);
  }
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
    printable(Array.from(text).slice(0, TEXT_SHOWN).join('')),
  ]);
  return formatTable([heads, ...rows], ['left', 'right', 'right', 'right', 'left', 'left']);
}
