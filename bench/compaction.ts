import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadCore } from '../src/core/index.js';
import { measureLatencies } from './compaction-latencies.js';
import { measureSizes } from './compaction-sizes.js';
import { loadCorpus, type Corpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { timed } from './lib/measure.js';
import { startProcess, type ServerProcess } from './lib/processes.js';
import { RawClient, storePath, storeRequest } from './lib/wire.js';

const storesInFlight = 32;
const { resolve } = createRequire(import.meta.url);

/**
 * `npm run bench -- compaction [--corpus FILE...] [--no-zstd]`
 *
 * Measures the savings of a compaction, and the latencies of calls beside it. All corpora are stored in one
 * vault, and each measurement gets a copy of it.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true }, 'no-zstd': { type: 'boolean' } },
  });
  const files = [...(values.corpus ?? []), ...positionals];
  const withZstd = values['no-zstd'] !== true;
  const corpora = files.length > 0 ? await Promise.all(files.map(loadCorpus)) : [await generatedCorpus()];
  const core = await loadCore();
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const filled = join(folder, 'filled');
  const onCopy = async (measure: (server: ServerProcess) => Promise<void>) => {
    const copy = join(folder, 'copy');
    cpSync(filled, copy, { recursive: true });
    await serving(copy, measure);
    rmSync(copy, { recursive: true });
  };
  try {
    await serving(filled, (server) => fill(server, corpora));
    await onCopy((server) => measureSizes(server, core, corpora, { withZstd }));
    await onCopy((server) =>
      measureLatencies(
        server,
        core,
        corpora.flatMap((corpus) => corpus.conversations),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Starts a server process with the vault in this folder. */
async function serving(folder: string, work: (server: ServerProcess) => Promise<void>): Promise<void> {
  const server = await startProcess(resolve('#build/programs/main.js'), [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error'],
  ]);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

async function fill({ address }: ServerProcess, corpora: readonly Corpus[]): Promise<void> {
  const core = await loadCore();
  const client = new RawClient(address);
  try {
    const conversations = corpora.flatMap((corpus) => corpus.conversations);
    await timed(conversations, storesInFlight, (each) => client.unary(storePath, storeRequest(core, each)));
  } finally {
    client.close();
  }
}
