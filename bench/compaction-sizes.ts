import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { connect, type StowkenClient } from '../src/client/index.js';
import type { TokenCore } from '../src/core/index.js';
import type { Corpus } from './lib/corpus.js';
import type { ServerProcess } from './lib/processes.js';
import { runsOf, unique } from './lib/runs.js';
import { printTable, short } from './lib/table.js';
import { zstd3Bytes } from './lib/zstd.js';

const { resolve } = createRequire(import.meta.url);

/** Measures a vault without load: its size before and after, and whether its content is unchanged. */
export async function measureSizes(
  server: ServerProcess,
  core: TokenCore,
  corpora: readonly Corpus[],
  { withZstd }: { readonly withZstd: boolean },
): Promise<void> {
  const client = connect({ server: server.address });
  try {
    const [before, exported] = [await client.stats(), await exportDigest(server)];
    const first = await timedCompaction(client);
    const after = await client.stats();
    const second = await timedCompaction(client);
    if ((await exportDigest(server)) !== exported) throw new Error('the export has changed');
    const zstd = withZstd ? zstdBytes(core, corpora) : undefined;
    printTable(
      `compaction: ${corpora.map(({ name }) => name).join(', ')}; took ${first.seconds} s and ended ${first.end}; a second ` +
        `one ${second.seconds} s, and ended ${second.end}; the export is unchanged`,
      ['', 'raw', 'frames', 'registry', 'of zstd-3 + dictionary', 'in use', 'in use / raw'],
      [
        ['before', ...sizes(before, zstd)],
        ['after', ...sizes(after, zstd)],
      ],
    );
  } finally {
    client.close();
  }
}

async function timedCompaction(client: StowkenClient): Promise<{ end: string; seconds: string }> {
  const started = performance.now();
  for await (const part of client.compactSubstrings()) {
    if (part.kind !== 'summary') continue;
    return { end: part.end, seconds: ((performance.now() - started) / 1000).toFixed(1) };
  }
  throw new Error('the compaction ended without a summary');
}

/** Digest of the output of `stowken export`. */
async function exportDigest({ address }: ServerProcess): Promise<string> {
  const digest = createHash('sha256');
  const exporting = spawn(
    process.execPath,
    [resolve('#build/programs/main.js'), 'export', '--server', address],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  for await (const chunk of exporting.stdout) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/** A dictionary is for one kind of text: each corpus has its own. Undefined if there is no zstd. */
function zstdBytes(core: TokenCore, corpora: readonly Corpus[]): number | undefined {
  let sum = 0;
  for (const { conversations } of corpora) {
    const bytes = zstd3Bytes(unique(core, runsOf(core, conversations)).map(({ varints }) => varints));
    if (bytes === undefined) return undefined;
    sum += bytes;
  }
  return sum;
}

type Stats = Awaited<ReturnType<StowkenClient['stats']>>;

function sizes(stats: Stats, zstd: number | undefined): string[] {
  const { rawBytes, segmentBytes, registryBytes, inUseBytes } = stats;
  return [
    ...[rawBytes, segmentBytes, registryBytes].map(short),
    zstd === undefined ? '-' : ((segmentBytes + registryBytes) / zstd).toFixed(3),
    short(inUseBytes),
    (inUseBytes / rawBytes).toFixed(3),
  ];
}
