import type { Command } from 'commander';
import type { RegistryInfo } from '../../client/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatShare, formatTime } from '../format.js';
import { formatTable } from '../table.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
FRAMES is the stored size of a registry's segments. OF UNIQUE AT 4 BYTES compares that with the tokens of these
segments at 4 bytes each, where every segment counts once. (stowken stats compares with the tokens of all
conversations, where a segment counts each time it is used.)

Example:
  stowken registries --vault team-a`;

/** `stowken registries` */
export function addRegistries(program: Command, context: Context, done: Done): void {
  withServer(program.command('registries'))
    .description('list the registries made by compact, and how well each compresses')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const registries = await withClient(options, context, (client) => client.listRegistries());
      const { output } = context;
      if (options.json) for (const registry of registries) await output.json(plain(registry));
      else await output.line(registries.length === 0 ? 'no registries' : table(registries));
      done(exitCodes.done);
    });
}

const heads = ['ID', 'CREATED', 'BYTES', 'SEGMENTS', 'FRAMES', 'OF UNIQUE AT 4 BYTES'];

function table(registries: readonly RegistryInfo[]): string {
  const rows = registries.map(({ id, createTimeMs, bytes, segments, segmentBytes, ratio }) => [
    String(id),
    createTimeMs === undefined ? '' : formatTime(createTimeMs),
    formatBytes(bytes),
    formatCount(segments),
    formatBytes(segmentBytes),
    formatShare(ratio, segments === 0 ? 0 : 1),
  ]);
  return formatTable([heads, ...rows], ['right', 'left', 'right', 'right', 'right', 'right']);
}

function plain({ id, createTimeMs, bytes, segments, segmentBytes, ratio }: RegistryInfo): object {
  return {
    id,
    ...(createTimeMs !== undefined && { create_time: formatTime(createTimeMs) }),
    bytes,
    segments,
    segment_bytes: segmentBytes,
    ratio,
  };
}
