import type { Command } from 'commander';
import { limits, printable, shellWord } from '../../model/index.js';
import type { SearchHit, StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { plural } from '../format.js';
import { filled, type FilterOptions, toFilter, wholeNumber, withFilter } from '../options.js';

interface Options extends ServerOption, FilterOptions {
  readonly ignoreCase?: true;
  readonly wholeWords?: true;
  readonly limit: number;
  readonly all?: true;
  readonly json?: true;
}

const epilogue = `
Newest conversation first. There is no index: everything that the filters select is decoded, content that
conversations share once. Offsets count Unicode characters (code points) of the message's text, from 0.

Examples:
  stowken search JSONDecodeError --application agents --limit 20
  stowken search 'order 4711' --whole-words --ignore-case --json`;

/** `stowken search` */
export function addSearch(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('search')))
    .description('list the places where a text stands in messages')
    .argument('<text>', 'text to look for, exactly', filled)
    .option('--ignore-case', 'take letters that differ only in case as equal')
    .option('--whole-words', 'only where no letter, digit or _ stands before or behind it')
    .option('--limit <n>', 'at most n places', wholeNumber(1), 50)
    .option('--all', 'every place')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (text: string, options: Options) => {
      const { output, interruption, io } = context;
      let count = 0;
      let unsearched = 0;
      interruption.onInterrupt(() => `${plural(count, 'place')} found so far`);
      await withClient(options, context, async (client) => {
        for await (const found of search(client, text, options, (some) => (unsearched += some))) {
          count++;
          if (options.json) await output.json(plain(found));
          else await output.line(line(found));
        }
      });
      if (count === 0 && !options.json) await output.line('not found');
      if (unsearched > 0) {
        const what = plural(unsearched, 'conversation');
        io.stderr.write(`${what} could not be searched whole: no known tokenizer, or damaged\n`);
      }
      done(exitCodes.done);
    });
}

/** Yields hits; goes on with further calls until there are as many as asked for. */
async function* search(
  client: StowkenClient,
  text: string,
  options: Options,
  onUnsearched: (conversations: number) => void,
): AsyncGenerator<SearchHit, void, void> {
  const { ignoreCase = false, wholeWords = false } = options;
  let left = options.all ? Infinity : options.limit;
  let pageToken = '';
  do {
    const limit = Math.min(left, limits.searchHitsMax);
    const call = { filter: toFilter(options), ignoreCase, wholeWords, limit, pageToken };
    let unsearched = 0;
    pageToken = '';
    for await (const part of client.search(text, call)) {
      yield* part.hits;
      left -= part.hits.length;
      ({ unsearched, nextPageToken: pageToken } = part);
    }
    onUnsearched(unsearched);
  } while (pageToken !== '' && left > 0);
}

function plain(hit: SearchHit): object {
  return {
    conversation_id: hit.conversationId,
    revision: hit.revision,
    message_index: hit.messageIndex,
    role: hit.role,
    text_offset: hit.textOffset,
    snippet: hit.snippet,
    snippet_offset: hit.snippetOffset,
    snippet_ends_message: hit.snippetEndsMessage,
  };
}

function line({ conversationId, messageIndex, textOffset, role, snippet }: SearchHit): string {
  const place = `${shellWord(conversationId)}  ${messageIndex}:${textOffset}  ${printable(role)}`;
  return `${place}  ${printable(snippet.replace(/\s+/g, ' '))}`;
}
