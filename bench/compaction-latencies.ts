import { connect, type StowkenClient } from '../src/client/index.js';
import type { TokenCore } from '../src/core/index.js';
import { Load, retrievedMessages, storesInFlight } from './compaction-load.js';
import type { BenchConversation } from './lib/corpus.js';
import { percentile } from './lib/measure.js';
import type { ServerProcess } from './lib/processes.js';
import { printTable, short } from './lib/table.js';
import { RawClient } from './lib/wire.js';

/** Duration without a compaction; beside one, it is the compaction's. */
const quietMs = 20_000;

/** Measures the latencies of stores and retrievals, without a compaction and beside one. */
export async function measureLatencies(
  server: ServerProcess,
  core: TokenCore,
  conversations: readonly BenchConversation[],
): Promise<void> {
  const raw = new RawClient(server.address);
  const client = connect({ server: server.address });
  try {
    const load = new Load(core, raw, conversations);
    await load.prepare();
    const quiet = await load.run(new Promise((done) => setTimeout(done, quietMs)));
    const quietPeakBytes = server.memory().peakBytes;
    const started = performance.now();
    const beside = await load.run(compact(client));
    const seconds = (performance.now() - started) / 1000;
    printTable(
      `latency: ${storesInFlight} unary stores in flight, and one retrieval of ${retrievedMessages} messages; one run of ` +
        `${quietMs / 1000} s without and ${seconds.toFixed(0)} s beside a compaction; ` +
        `peak memory of the server ${short(quietPeakBytes)}B and ${short(server.memory().peakBytes)}B`,
      ['', 'calls', 'p50', 'p99', 'p99 in the compaction', 'ratio'],
      [row('stores', quiet.storeMs, beside.storeMs), row(`retrievals`, quiet.retrieveMs, beside.retrieveMs)],
    );
  } finally {
    raw.close();
    client.close();
  }
}

async function compact(client: StowkenClient): Promise<void> {
  for await (const part of client.compactSubstrings()) if (part.kind === 'summary') return;
  throw new Error('the compaction ended without a summary');
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
