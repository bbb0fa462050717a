import { parseArgs } from 'node:util';
import { connect, type StowkenClient } from '../src/client/index.js';
import { loadCore } from '../src/core/index.js';
import { type Corpus, corpusFiles, loadCorpus, tokenCount } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { LoadClients } from './lib/load.js';
import { printTable, short, spread } from './lib/table.js';
import { storeAll } from './serve/retrieval.js';
import { withServer } from './serve/servers.js';

const runs = 5;
/** Texts that no corpus has, so that all of it is searched. */
const needles = ['a text that nobody ever wrote 7f3a', '無人寫過的文字七三'];

/** Measures searches of all text, through the server. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { corpus: { type: 'string', multiple: true } } });
  const files = corpusFiles([...(values.corpus ?? [])]);
  const corpora: Corpus[] = files.length === 0 ? [await generatedCorpus()] : [];
  for (const file of files) corpora.push(await loadCorpus(file));
  const rows: string[][] = [];
  for (const corpus of corpora) rows.push(await measure(corpus));
  printTable(
    `search: a text that nothing has; ${runs} runs, median (lowest to highest)`,
    ['corpus', 'conversations', 'tokens', 'tokens a second'],
    rows,
  );
}

async function measure(corpus: Corpus): Promise<string[]> {
  const core = await loadCore();
  const tokens = tokenCount(corpus.conversations);
  const rates: number[] = [];
  const clients = new LoadClients(1);
  try {
    await withServer('stowken', async (server) => {
      await storeAll(core, clients, server, corpus);
      const client = connect({ server: server.address });
      for (let at = -1; at < runs; at++) {
        const seconds = await searched(client, needles[(at + 1) % needles.length]!);
        // The first one loads the tokenizer.
        if (at >= 0) rates.push(tokens / seconds);
      }
      client.close();
    });
  } finally {
    clients.stop();
  }
  return [corpus.name, String(corpus.conversations.length), short(tokens), spread(rates, 'tokens/s')];
}

async function searched(client: StowkenClient, text: string): Promise<number> {
  const begun = performance.now();
  for await (const { hits, unsearched } of client.search(text)) {
    if (hits.length > 0) throw new Error(`somebody wrote ${JSON.stringify(text)}`);
    if (unsearched > 0) throw new Error(`${unsearched} conversations could not be searched`);
  }
  return (performance.now() - begun) / 1000;
}
