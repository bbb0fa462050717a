import type { Command } from 'commander';
import type { Stats } from '../../client/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatShare, plural } from '../format.js';
import { formatTable } from '../table.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
Example:
  stowken stats --vault team-a`;

/** `stowken stats` */
export function addStats(program: Command, context: Context, done: Done): void {
  withServer(program.command('stats'))
    .description('show the contents of the vault and their size')
    .option('--json', 'one JSON object with the fields of GetStats')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const stats = await withClient(options, context, (client) => client.stats());
      if (options.json) await context.output.json(plainStats(stats));
      else await context.output.line(statsTable(stats));
      done(exitCodes.done);
    });
}

function plainStats(stats: Stats): object {
  return {
    conversations: stats.conversations,
    messages: stats.messages,
    segments: stats.segments,
    tokens: stats.tokens,
    unique_tokens: stats.uniqueTokens,
    raw_bytes: stats.rawBytes,
    unique_raw_bytes: stats.uniqueRawBytes,
    segment_bytes: stats.segmentBytes,
    registry_bytes: stats.registryBytes,
    garbage_segments: stats.garbageSegments,
    garbage_bytes: stats.garbageBytes,
    in_use_bytes: stats.inUseBytes,
    file_bytes: stats.fileBytes,
  };
}

function statsTable(stats: Stats): string {
  const rows = [
    ['conversations', formatCount(stats.conversations), ''],
    ['messages', formatCount(stats.messages), ''],
    ['tokens', formatCount(stats.tokens), 'in all conversations'],
    [
      'unique tokens',
      formatCount(stats.uniqueTokens),
      `${formatShare(stats.uniqueTokens, stats.tokens)} of tokens`,
    ],
    ['segments', formatCount(stats.segments), 'distinct token sequences'],
    ['tokens, 4 bytes each', formatBytes(stats.rawBytes), 'in all conversations'],
    ['unique, 4 bytes each', formatBytes(stats.uniqueRawBytes), ofTokens(stats, stats.uniqueRawBytes)],
    ['segments stored', formatBytes(stats.segmentBytes), ofTokens(stats, stats.segmentBytes)],
    ['registries', formatBytes(stats.registryBytes), ofTokens(stats, stats.registryBytes)],
    [
      'garbage',
      formatBytes(stats.garbageBytes),
      `${plural(stats.garbageSegments, 'segment')}; stowken gc frees ${stats.garbageSegments === 1 ? 'it' : 'them'}`,
    ],
    ['in use', formatBytes(stats.inUseBytes), `${ofTokens(stats, stats.inUseBytes)}, everything counted`],
    ['files', formatBytes(stats.fileBytes), 'on disk, with free pages'],
  ];
  return formatTable(rows, ['left', 'right', 'left']);
}

/** Compares bytes with all tokens of all conversations at 4 bytes each, repetitions included. */
function ofTokens({ rawBytes }: Stats, bytes: number): string {
  return `${formatShare(bytes, rawBytes)} of all tokens at 4 bytes`;
}
