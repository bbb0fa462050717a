import type { Command } from 'commander';
import type { Duplicate, DuplicatesPart } from '../../client/index.js';
import { limits, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, plural } from '../format.js';
import { type FilterOptions, toFilter, wholeNumber, withFilter } from '../options.js';
import { part, percent } from './similar.js';

interface Options extends ServerOption, FilterOptions {
  readonly threshold: number;
  readonly limit: number;
  readonly json?: true;
}

const epilogue = `
A group is the oldest conversation, and those that are similar to it. Each similarity is computed from the tokens
themselves; see stowken similar. The pairs to compute are found by MinHash: of pairs at the threshold one in a hundred
or less is missed, of more similar ones far fewer.

Examples:
  stowken duplicates
  stowken duplicates --threshold 0.95 --application agents --json`;

/** Duplicates of a group in the table for people. */
const shown = 10;

/** `stowken duplicates` */
export function addDuplicates(program: Command, context: Context, done: Done): void {
  const thresholdMin = limits.duplicatesPercentMin / 100;
  withFilter(withServer(program.command('duplicates')))
    .description(
      'report groups of near-duplicates, those with most repeated tokens first; reads the whole vault',
    )
    .option(
      '--threshold <part>',
      `least similarity, ${thresholdMin} to 1`,
      part(thresholdMin),
      limits.similarPercentDefault / 100,
    )
    .option(
      '--limit <n>',
      'at most n groups',
      wholeNumber(1, limits.duplicatesKeptMax),
      limits.pageSizeDefault,
    )
    .option('--json', 'one JSON object per line, a group each')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { output, interruption, io } = context;
      let last: DuplicatesPart | undefined;
      let groups = 0;
      interruption.onInterrupt(() => `${plural(last?.conversations ?? 0, 'conversation')} read so far`);
      const write = async (group: Group): Promise<void> => {
        groups += 1;
        if (options.json) await output.json(plain(group));
        else for (const line of lines(group)) await output.line(line);
      };
      await withClient(options, context, async (client) => {
        const { threshold, limit } = options;
        const parts = client.duplicates({ filter: toFilter(options), threshold, limit });
        for await (const group of wholeGroups(parts, (part) => (last = part))) await write(group);
      });
      if (groups === 0 && !options.json) await output.line('no near-duplicates');
      for (const note of duplicatesNotes(last)) io.stderr.write(`${note}\n`);
      done(exitCodes.done);
    });
}

interface Group {
  readonly id: string;
  readonly tokenCount: number;
  readonly duplicates: Duplicate[];
}

/** Joins the parts of each group. */
async function* wholeGroups(
  parts: AsyncIterable<DuplicatesPart>,
  onPart: (part: DuplicatesPart) => void,
): AsyncGenerator<Group, void, void> {
  let group: Group | undefined;
  for await (const part of parts) {
    onPart(part);
    const { conversationId: id, tokenCount, duplicates } = part;
    if (id === '') continue;
    if (group?.id === id) group.duplicates.push(...duplicates);
    else {
      if (group) yield group;
      group = { id, tokenCount, duplicates: [...duplicates] };
    }
  }
  if (group) yield group;
}

function plain({ id, tokenCount, duplicates }: Group): object {
  return {
    conversation_id: id,
    tokens: tokenCount,
    repeated_tokens: repeated(duplicates),
    duplicates: duplicates.map(({ conversationId, similarity, tokenCount: tokens }) => ({
      conversation_id: conversationId,
      similarity,
      tokens,
    })),
  };
}

function* lines({ id, tokenCount, duplicates }: Group): Generator<string, void, void> {
  const about = `${plural(tokenCount, 'token')}; ${formatCount(repeated(duplicates))} repeated`;
  yield `${shellWord(id)}  ${about}`;
  for (const { conversationId, similarity } of duplicates.slice(0, shown))
    yield `  ${percent(similarity)}  ${shellWord(conversationId)}`;
  if (duplicates.length > shown) yield `  and ${formatCount(duplicates.length - shown)} more`;
}

function repeated(duplicates: readonly Duplicate[]): number {
  return duplicates.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}

/** Returns notes about what a report may have missed. */
export function duplicatesNotes(last: DuplicatesPart | undefined): string[] {
  if (!last) return [];
  const { uncompared, notKept } = last;
  return [
    ...(uncompared > 0
      ? [`${plural(uncompared, 'conversation')} could not be compared: damaged, or too long`]
      : []),
    ...(notKept > 0
      ? [`${plural(notKept, 'conversation')} were only compared with older ones: ask for fewer, with filters`]
      : []),
  ];
}
