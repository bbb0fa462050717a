import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCore, type TokenCore } from '../src/core/index.js';
import { connect, type StowkenClient } from '../src/client/index.js';
import { Load, retrievedMessages, storesInFlight } from './compaction-load.js';
import { corpusFiles, loadCorpus, type BenchConversation } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { percentile, timed } from './lib/measure.js';
import { startProcess, type ServerProcess } from './lib/processes.js';
import { printTable, short } from './lib/table.js';
import { RawClient, storePath, storeRequest } from './lib/wire.js';

/** Without a compaction; beside one it is as long as the compaction takes. */
const quietMs = 20_000;
const { resolve } = createRequire(import.meta.url);

interface Served {
  readonly core: TokenCore;
  readonly server: ServerProcess;
  readonly client: StowkenClient;
  readonly raw: RawClient;
}

/** What a compaction of a vault saves, and what the calls that are served beside it wait for. */
export async function run(argv: readonly string[]): Promise<void> {
  const files = corpusFiles(argv);
  const corpora = files.length > 0 ? await Promise.all(files.map(loadCorpus)) : [await generatedCorpus()];
  const conversations = corpora.flatMap((corpus) => corpus.conversations);
  const names = corpora.map(({ name }) => name).join(', ');
  await serving(conversations, (served) => measureSizes(served, names));
  await serving(conversations, (served) => measureLatencies(served, conversations));
}

/** A server process with a new vault that has these conversations. */
async function serving(
  conversations: readonly BenchConversation[],
  measure: (served: Served) => Promise<void>,
): Promise<void> {
  const core = await loadCore();
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const server = await startProcess(resolve('#build/src/main.js'), [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error'],
  ]);
  const raw = new RawClient(server.address);
  const client = connect({ server: server.address });
  try {
    await timed(conversations, storesInFlight, (each) => raw.unary(storePath, storeRequest(core, each)));
    await measure({ core, server, client, raw });
  } finally {
    raw.close();
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Of a vault that is left in peace. */
async function measureSizes({ client }: Served, names: string): Promise<void> {
  const before = await client.stats();
  const started = performance.now();
  const end = await compact(client);
  const seconds = (performance.now() - started) / 1000;
  const after = await client.stats();
  printTable(
    `compaction: ${names}; took ${seconds.toFixed(0)} s; ended ${end}, a second one ${await compact(client)}`,
    ['', 'raw', 'frames', 'registry', 'in use', 'in use / raw'],
    [
      ['before', ...sizes(before)],
      ['after', ...sizes(after)],
    ],
  );
}

async function measureLatencies(
  { core, server, client, raw }: Served,
  conversations: readonly BenchConversation[],
): Promise<void> {
  const load = new Load(core, raw, conversations);
  await load.prepare();
  const quiet = await load.run(new Promise((done) => setTimeout(done, quietMs)));
  const started = performance.now();
  const beside = await load.run(compact(client));
  const seconds = (performance.now() - started) / 1000;
  printTable(
    `latency: ${storesInFlight} unary stores in flight, and one retrieval of ${retrievedMessages} messages; one run of ` +
      `${quietMs / 1000} s without and ${seconds.toFixed(0)} s beside a compaction; ` +
      `peak memory of the server ${short(server.memory().peakBytes)}B`,
    ['', 'calls', 'p50', 'p99', 'p99 in the compaction', 'ratio'],
    [row('stores', quiet.storeMs, beside.storeMs), row(`retrievals`, quiet.retrieveMs, beside.retrieveMs)],
  );
}

/** How it ended. */
async function compact(client: StowkenClient): Promise<string> {
  for await (const part of client.compactSubstrings()) if (part.kind === 'summary') return part.end;
  return 'without a summary';
}

type Stats = Awaited<ReturnType<StowkenClient['stats']>>;

function sizes({ rawBytes, segmentBytes, registryBytes, inUseBytes }: Stats): string[] {
  return [
    ...[rawBytes, segmentBytes, registryBytes, inUseBytes].map(short),
    (inUseBytes / rawBytes).toFixed(3),
  ];
}

function row(name: string, quiet: readonly number[], beside: readonly number[]): string[] {
  const [p50, p99, p99Beside] = [percentile(quiet, 50), percentile(quiet, 99), percentile(beside, 99)];
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return [
    name,
    `${quiet.length} and ${beside.length}`,
    ms(p50),
    ms(p99),
    ms(p99Beside),
    (p99Beside / p99).toFixed(2),
  ];
}
