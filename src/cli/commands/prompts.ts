import type { Command } from 'commander';
import type { SharedSegment } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTable, formatTime } from '../format.js';
import { wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly limit: number;
  readonly byReferences?: true;
  readonly json?: true;
}

/** Characters of a text in the table. */
const TEXT_SHOWN = 60;
/** Characters of a hash in the table: enough to tell segments apart. */
const HASH_SHOWN = 12;

/** `stowken prompts` */
export function addPrompts(program: Command, context: Context, done: Done): void {
  withServer(program.command('prompts'))
    .description('list what conversations share: system prompts, tools; looks at the whole vault')
    .option('--limit <n>', 'at most n', wholeNumber(1, 1000), 20)
    .option('--by-references', 'those in most conversations first, not those that save most tokens')
    .option('--json', 'one JSON object per line')
    .action(async (options: Options) => {
      const { output } = context;
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
