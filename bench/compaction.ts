import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCore, type TokenCore } from '../src/core/index.js';
import { connect, type StowkenClient } from '../src/client/index.js';
import { corpusFiles, loadCorpus, type BenchConversation, type BenchMessage } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { percentile, timed } from './lib/measure.js';
import { startProcess } from './lib/processes.js';
import { printTable, short } from './lib/table.js';
import { RawClient, retrievePath, retrieveRequest, storePath, storeRequest } from './lib/wire.js';

const storesInFlight = 32;
const retrievedMessages = 100;
const retrievedConversations = 50;
/** Without a compaction; beside one it is as long as the compaction takes. */
const quietMs = 20_000;
const { resolve } = createRequire(import.meta.url);

/** What a compaction of a vault saves, and what the calls that are served beside it wait for. */
export async function run(argv: readonly string[]): Promise<void> {
  const core = await loadCore();
  const files = corpusFiles(argv);
  const corpora = files.length > 0 ? await Promise.all(files.map(loadCorpus)) : [await generatedCorpus()];
  const conversations = corpora.flatMap((corpus) => corpus.conversations);
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const server = await startProcess(resolve('#build/src/main.js'), [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error'],
  ]);
  const raw = new RawClient(server.address);
  const client = connect({ server: server.address });
  try {
    await timed(conversations, storesInFlight, (each) => raw.unary(storePath, storeRequest(core, each)));
    const load = new Load(core, raw, conversations);
    await load.prepare();
    const quiet = await load.run(new Promise((done) => setTimeout(done, quietMs)));
    const before = await client.stats();
    const started = performance.now();
    const compaction = compact(client);
    const beside = await load.run(compaction);
    const seconds = (performance.now() - started) / 1000;
    const after = await client.stats();
    const again = await compact(client);

    const names = corpora.map(({ name }) => name).join(', ');
    printTable(
      `compaction: ${names}; took ${seconds.toFixed(0)} s beside the load; ended ${await compaction}, a second one ${again}`,
      ['', 'raw', 'frames', 'registry', 'in use', 'in use / raw'],
      [
        ['before', ...sizes(before)],
        ['after', ...sizes(after)],
      ],
    );
    printTable(
      `latency: ${storesInFlight} unary stores in flight, and one retrieval of ${retrievedMessages} messages; ` +
        `one run; peak memory of the server ${short(server.peakMemoryBytes())}B`,
      ['', 'calls', 'p50', 'p99', 'p99 in the compaction', 'ratio'],
      [row('stores', quiet.storeMs, beside.storeMs), row(`retrievals`, quiet.retrieveMs, beside.retrieveMs)],
    );
  } finally {
    raw.close();
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

interface Latencies {
  readonly storeMs: number[];
  readonly retrieveMs: number[];
}

/** Stores of what is stored already, under ids of their own, and retrievals, as fast as they are answered. */
class Load {
  readonly #long: Buffer[] = [];
  #stored = 0;

  constructor(
    private readonly core: TokenCore,
    private readonly client: RawClient,
    private readonly conversations: readonly BenchConversation[],
  ) {}

  /** Stores the conversations that are retrieved. */
  async prepare(): Promise<void> {
    const messages = this.conversations.flatMap((each) => each.messages);
    for (let i = 0; i < retrievedConversations; i++) {
      const from = Math.floor((i * messages.length) / retrievedConversations);
      const some = Array.from(
        { length: retrievedMessages },
        (_, at) => messages[(from + at) % messages.length] as BenchMessage,
      );
      const id = `long/${i}`;
      const fields = { application: 'bench', model: '', tokenizer: 'o200k_base' };
      await this.client.unary(storePath, storeRequest(this.core, { id, ...fields, messages: some }));
      this.#long.push(retrieveRequest(id, 1));
    }
  }

  async run(end: Promise<unknown>): Promise<Latencies> {
    const latencies: Latencies = { storeMs: [], retrieveMs: [] };
    let over = false;
    const ended = end.finally(() => (over = true));
    const measure = async (into: number[], call: () => Promise<unknown>) => {
      while (!over) {
        const started = performance.now();
        await call();
        into.push(performance.now() - started);
      }
    };
    await Promise.all([
      ended,
      ...Array.from({ length: storesInFlight }, () => measure(latencies.storeMs, () => this.#store())),
      measure(latencies.retrieveMs, () => this.#retrieve()),
    ]);
    return latencies;
  }

  #store(): Promise<unknown> {
    const conversation = this.conversations[this.#stored % this.conversations.length] as BenchConversation;
    const id = `again/${this.#stored++}`;
    return this.client.unary(storePath, storeRequest(this.core, { ...conversation, id }));
  }

  #retrieve(): Promise<unknown> {
    return this.client.stream(retrievePath, this.#long[this.#stored % this.#long.length] as Buffer);
  }
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
