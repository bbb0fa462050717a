import { loadCore } from '../../src/core/index.js';
import type { Corpus } from '../lib/corpus.js';
import { LoadClients } from '../lib/load.js';
import { readMeasurements } from '../lib/measurements.js';
import type { Bench } from './bench.js';
import { OwnDatabase } from './database.js';
import { measureBytes } from './bytes.js';
import { measureRates } from './rates.js';
import { measureTrips } from './trips.js';

/** Number of processes that load the servers. */
const clientProcesses = 2;

/** Measurements of each corpus, in this order. */
const parts: ReadonlyMap<string, (bench: Bench, corpus: Corpus) => Promise<void>> = new Map([
  ['rates', measureRates],
  ['trips', measureTrips],
  ['bytes', measureBytes],
]);

/**
 * Measures servers of one database, which it starts: stores and retrievals a second, trips to the database a
 * call, bytes and write-ahead log a token; beside LMDB in one process, and beside plain SQL that stores the
 * same conversations as gzipped JSON. `--corpus FILE...` and `--part NAME` as in the benchmark `serve`.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { measures, corpora } = await readMeasurements(argv, parts);
  const core = await loadCore();
  const database = await OwnDatabase.start();
  const clients = new LoadClients(clientProcesses);
  // A database outlives the process that started it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void database.stop().finally(() => process.exit(1)));
  try {
    for (const corpus of corpora)
      for (const measure of measures) await measure({ core, clients, database }, corpus);
  } finally {
    clients.stop();
    await database.stop();
  }
}
