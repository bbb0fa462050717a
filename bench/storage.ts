import { parseArgs } from 'node:util';
import { corpusFiles, loadCorpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { measureHistories } from './storage-histories.js';
import { measureOverhead } from './storage-overhead.js';
import { measureScale } from './storage-scale.js';
import { measureStores } from './storage-speed.js';

/**
 * Measures the store: bytes besides the frames, durable stores, long histories, and the cost of a vault's
 * size (--conversations N).
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      corpus: { type: 'string', multiple: true },
      conversations: { type: 'string', default: '1000000' },
    },
  });
  const named = [...(values.corpus ?? []), ...positionals];
  const files = corpusFiles(named);
  await measureOverhead(files);
  const timed = named.length > 0 ? named : files.filter((file) => /chat-en|tau-agents/.test(file));
  for (const file of timed) await measureStores(await loadCorpus(file));
  if (timed.length === 0) await measureStores(await generatedCorpus());
  await measureHistories();
  await measureScale(Number(values.conversations));
}
