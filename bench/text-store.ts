import { createLiveCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import { openLmdbBackend } from '../src/storage/index.js';
import { createTokenizers } from '../src/text/index.js';
import { createVault, SearchThreads, type NewMessage } from '../src/vault/index.js';
import { printTable, ratio, spread } from './lib/table.js';
import { inFolder } from './storage-changes.js';

const runs = 5;
const messagesPerStore = 8;

/** Measures stores of texts beside the same stores as token ids: processor time of all threads. */
export async function measureStores(
  name: string,
  texts: readonly Uint8Array[],
  ids: readonly Uint32Array[],
): Promise<void> {
  const core = await loadCore();
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const { signal } = new AbortController();
  const message = (content: NewMessage['content']) => ({ role: 'user', name: '', toolCallId: '', content });
  const contents = {
    'store, token ids': ids.map((some) =>
      message({ kind: 'le32', bytes: new Uint8Array(some.buffer, some.byteOffset, some.byteLength) }),
    ),
    'store, text': texts.map((utf8) => message({ kind: 'text', utf8 })),
  };
  const measured = new Map(Object.keys(contents).map((work) => [work, [] as number[]]));
  for (let run = -1; run < runs; run++) {
    for (const [work, messages] of Object.entries(contents)) {
      const seconds = await inFolder(async (folder) => {
        const codec = createLiveCodec(core);
        const backend = await openLmdbBackend({ folder, codec, clock: Date.now, durability: 'relaxed' });
        const vault = createVault({
          name: 'default',
          ...{ backend, core, codec, tokenizers, searchThreads: new SearchThreads(1) },
          clock: Date.now,
        });
        const started = process.cpuUsage();
        for (let at = 0; at < messages.length; at += messagesPerStore) {
          const spec = {
            ...{ id: String(at), application: '', model: '', tokenizer: 'o200k_base', parentId: '' },
            ...{ expireTimeMs: undefined, metadata: {} },
          };
          await vault.store({ spec, messages: messages.slice(at, at + messagesPerStore) }, signal);
        }
        const { user, system } = process.cpuUsage(started);
        await backend.close();
        return (user + system) / 1e6;
      });
      // The first run is for the compiler.
      if (run >= 0) measured.get(work)!.push(seconds);
    }
  }
  await tokenizers.close();
  printTable(
    `text: ${name}: ${texts.length} messages stored, ${messagesPerStore} a store; ${runs} interleaved runs, median (lowest to highest)`,
    ['', 'processor time', 'times token ids'],
    [...measured].map(([work, seconds]) => [
      work,
      spread(seconds, 's'),
      ratio(seconds, measured.get('store, token ids')!),
    ]),
  );
}
