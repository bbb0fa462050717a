import { type Command, InvalidArgumentError } from 'commander';
import type { SimilarMatch, SimilarTarget } from '../../client/index.js';
import { isSegmentHash, limits, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount, formatTime, plural } from '../format.js';
import { formatTable } from '../table.js';
import { filled, type FilterOptions, toFilter, wholeNumber, withFilter } from '../options.js';

interface Options extends ServerOption, FilterOptions {
  readonly segment?: true;
  readonly threshold: number;
  readonly newest?: true;
  readonly limit: number;
  readonly json?: true;
}

const epilogue = `
Similarity is the Jaccard index of runs of 5 tokens: those that both have, of those that either has. It is computed
from the tokens themselves, and nothing similar is missed. There is no index: everything that the filters select is
read, content that conversations share once.

Examples:
  stowken similar call-4711
  stowken similar call-4711 --threshold 0.5 --application agents --json
  stowken similar --segment 5f1b...c0`;

/** `stowken similar` */
export function addSimilar(program: Command, context: Context, done: Done): void {
  withFilter(withServer(program.command('similar')))
    .description('list near-duplicates of a conversation, the most similar first; reads the whole vault')
    .argument('<id>', 'id of the conversation', filled)
    .option('--segment', 'the id is the hash of a segment: list similar segments')
    .option(
      '--threshold <part>',
      'least similarity, 0.01 to 1',
      part(0.01),
      limits.similarPercentDefault / 100,
    )
    .option('--newest', 'the newest first, and no more are looked for than asked for')
    .option('--limit <n>', 'at most n', wholeNumber(1, limits.pageSizeMax), limits.pageSizeDefault)
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (id: string, options: Options) => {
      const { output, io } = context;
      const target: SimilarTarget = options.segment ? { segmentHash: hash(id) } : { conversationId: id };
      const { matches, uncompared } = await withClient(options, context, (client) =>
        client.similar(target, {
          filter: toFilter(options),
          threshold: options.threshold,
          limit: options.limit,
          order: options.newest ? 'newest' : 'similarity',
        }),
      );
      if (options.json) for (const match of matches) await output.json(plain(match));
      else await output.line(matches.length === 0 ? 'nothing is similar' : table(matches));
      if (uncompared > 0) {
        const what = plural(uncompared, options.segment ? 'segment' : 'conversation');
        io.stderr.write(`${what} could not be compared: damaged, or too long\n`);
      }
      done(exitCodes.done);
    });
}

/** Reads a similarity. */
export function part(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= 1) return value;
    throw new InvalidArgumentError(`It has to be ${min} to 1.`);
  };
}

function hash(id: string): string {
  if (isSegmentHash(id)) return id;
  throw new CommandFailure('the hash of a segment has 64 lower-case hex digits');
}

function plain({ conversation, segmentHash, ...match }: SimilarMatch): object {
  return {
    ...(conversation
      ? { conversation_id: conversation.id, create_time: formatTime(conversation.createTimeMs) }
      : { segment_hash: segmentHash }),
    similarity: match.similarity,
    tokens: match.tokenCount,
    shared_shingles: match.sharedShingles,
    shingles: match.shingles,
  };
}

function table(matches: readonly SimilarMatch[]): string {
  const rows = matches.map(({ conversation, segmentHash, similarity, tokenCount }) => [
    conversation ? shellWord(conversation.id) : segmentHash,
    percent(similarity),
    formatCount(tokenCount),
    conversation ? formatTime(conversation.createTimeMs) : '',
  ]);
  return formatTable([['ID', 'SIMILAR', 'TOKENS', 'CREATED'], ...rows], ['left', 'right', 'right', 'left']);
}

/** Returns a similarity as people read it, rounded down: only equals have 100 %. */
export function percent(similarity: number): string {
  return `${(Math.floor(similarity * 1000) / 10).toFixed(1)} %`;
}
