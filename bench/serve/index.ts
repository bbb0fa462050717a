import { loadCore, type TokenCore } from '../../src/core/index.js';
import type { Corpus } from '../lib/corpus.js';
import { LoadClients } from '../lib/load.js';
import { readMeasurements } from '../lib/measurements.js';
import { callsOf, longConversation } from './corpora.js';
import { measureLongStream } from './long-stream.js';
import { measureRetrieval } from './retrieval.js';
import { measureSecure } from './secure.js';
import { measureStores } from './stores.js';
import { measureWorkers } from './workers.js';

/** Number of processes that load the server. */
const clientProcesses = 2;

/** Measurements of each corpus, in this order. */
const parts: ReadonlyMap<string, (core: TokenCore, clients: LoadClients, corpus: Corpus) => Promise<void>> =
  new Map([
    ['stores', measureStores],
    ['calls', (core, clients, corpus) => measureStores(core, clients, callsOf(corpus))],
    ['retrieval', measureRetrieval],
    ['long-stream', (core, clients, corpus) => measureLongStream(core, clients, longConversation(corpus))],
    ['workers', measureWorkers],
    ['secure', measureSecure],
  ]);

/**
 * Measures stores and retrieval through the server, beside servers that store the same conversations in other
 * ways. `--corpus FILE...` names files for `stowken import` (text content only), and `--part NAME` selects
 * measurements; the default is all.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { measures, corpora } = await readMeasurements(argv, parts);
  const core = await loadCore();
  const clients = new LoadClients(clientProcesses);
  try {
    for (const corpus of corpora) for (const measure of measures) await measure(core, clients, corpus);
  } finally {
    clients.stop();
  }
}
