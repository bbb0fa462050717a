import { loadCore } from '../../src/core/index.js';
import { corpusArguments, loadCorpus } from '../lib/corpus.js';
import { generatedCorpus } from '../lib/generated.js';
import { LoadClients } from '../lib/load.js';
import { callsOf, longConversation } from './corpora.js';
import { measureLongStream } from './long-stream.js';
import { measureRetrieval } from './retrieval.js';
import { measureStores } from './stores.js';
import { measureWorkers } from './workers.js';

/** Processes that load the server. */
const clientProcesses = 2;

/** Stores and retrieval through the server, beside servers that keep the same conversations in other ways. */
export async function run(argv: readonly string[]): Promise<void> {
  const files = corpusArguments(argv);
  const core = await loadCore();
  const clients = new LoadClients(clientProcesses);
  try {
    for (const corpus of files.length > 0
      ? await Promise.all(files.map(loadCorpus))
      : [await generatedCorpus()]) {
      await measureStores(core, clients, corpus);
      await measureStores(core, clients, callsOf(corpus));
      await measureRetrieval(core, clients, corpus);
      await measureLongStream(core, clients, longConversation(corpus));
      await measureWorkers(core, clients, corpus);
    }
  } finally {
    clients.stop();
  }
}
