import { createLiveCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import { openLmdbBackend } from '../src/storage/index.js';
import { loadCorpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { timed } from './lib/measure.js';
import { printTable, short } from './lib/table.js';
import { changeOf, inFolder, store } from './storage-changes.js';

/** What may be spent beside the frames, in bytes. */
const budget = { segment: 30, message: 6, conversation: 40 };
const inFlight = 64;

/** Bytes in use beside frames and registries after all corpora were stored in one vault, against the budget. */
export async function measureOverhead(files: readonly string[]): Promise<void> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  await inFolder(async (folder) => {
    const backend = await openLmdbBackend({ folder, codec, clock: Date.now, durability: 'relaxed' });
    let idBytes = 0;
    for (const load of files.length > 0 ? files.map((file) => () => loadCorpus(file)) : [generatedCorpus]) {
      const { conversations } = await load();
      await timed(conversations, inFlight, (each) => store(backend, changeOf(each, core, codec)));
      for (const { id, messages } of conversations) {
        idBytes += Buffer.byteLength(id);
        for (const { toolCallId } of messages) idBytes += Buffer.byteLength(toolCallId);
      }
    }
    const stats = await backend.stats();
    const overhead = stats.inUseBytes - stats.segmentBytes - stats.registryBytes;
    const allowed =
      budget.segment * stats.segments +
      budget.message * stats.messages +
      budget.conversation * stats.conversations +
      idBytes;
    printTable(
      'storage: bytes beside the frames, all corpora in one vault',
      ['', 'count or bytes', 'allowed'],
      [
        ['unique segments', short(stats.segments), `${budget.segment} bytes each`],
        ['messages', short(stats.messages), `${budget.message} bytes each`],
        ['conversations', short(stats.conversations), `${budget.conversation} bytes each`],
        ['ids and tool call ids', short(idBytes), 'themselves'],
        ['frames', short(stats.segmentBytes), ''],
        ['in use', short(stats.inUseBytes), ''],
        [
          'in use beside frames',
          short(overhead),
          `${short(allowed)}: ${(overhead / allowed).toFixed(2)} of it`,
        ],
      ],
    );
    const violations = await backend.check();
    await backend.close();
    if (violations.length > 0) throw new Error(`the vault is damaged: ${JSON.stringify(violations[0])}`);
  });
}
