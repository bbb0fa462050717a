import type { Command } from 'commander';
import type { RegistryInfo } from '../../client/index.js';
import type { Context } from '../context.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { formatBytes, formatCount, formatShare, formatTable, formatTime } from '../format.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption {
  readonly json?: true;
}

/** `stowken registries` */
export function addRegistries(program: Command, context: Context, done: Done): void {
  withServer(program.command('registries'), context)
    .description('list the registries that compact made, and how well each does')
    .option('--json', 'one JSON object a line')
    .action(async (options: Options) => {
      const registries = await withClient(options, (client) => client.listRegistries());
      const output = new Output(context.io.stdout);
      if (options.json) for (const registry of registries) await output.line(json(registry));
      else await output.line(registries.length === 0 ? 'no registries' : table(registries));
      await output.finish();
      done(exitCodes.done);
    });
}

const heads = ['ID', 'CREATED', 'BYTES', 'SEGMENTS', 'FRAMES', 'OF RAW'];

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

function json({ id, createTimeMs, bytes, segments, segmentBytes, ratio }: RegistryInfo): string {
  return JSON.stringify({
    id,
    ...(createTimeMs !== undefined && { create_time: formatTime(createTimeMs) }),
    bytes,
    segments,
    segment_bytes: segmentBytes,
    ratio,
  });
}
