// Stores, replaces, deletes and collects under load, and journals what it was promised, until it is killed.
// Arguments: backend kind, folder, journal, seed.
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import type { ManagedBackend, NewSegment } from '../../src/storage/index.js';
import { openDurable, type DurableKind } from './backends.js';
import { contentOf } from './content.js';
import { Journal } from './journal.js';
import { Random } from './random.js';

const CLIENTS = 16;
const IDS_PER_CLIENT = 12;

const [kind, folder, journalPath, seed] = process.argv.slice(2) as [DurableKind, string, string, string];
const core = await loadCore();
const codec = createLiveCodec(core);
const backend = await openDurable(kind, folder, codec);
const journal = new Journal(journalPath);
process.stdout.write('ready\n');

await Promise.all([
  ...Array.from({ length: CLIENTS }, (_, client) =>
    storeAndDelete(client, new Random(Number(seed) + client)),
  ),
  collectGarbage(backend),
]);

/** Changes conversations that no other client changes, one change at a time. */
async function storeAndDelete(client: number, random: Random): Promise<never> {
  for (;;) {
    const id = `client-${client}/conversation-${random.below(IDS_PER_CLIENT)}`;
    const existing = await backend.getConversation(id);
    const content = existing && random.below(3) === 0 ? undefined : random.below(2 ** 31);
    journal.write({ phase: 'begin', id, content });
    if (content === undefined) await backend.commit({ delete: { id, timeMs: Date.now() } });
    else await store(id, contentOf(content, core, codec), existing?.revision ?? 0);
    journal.write({ phase: 'done', id, content });
  }
}

async function store(id: string, segments: readonly NewSegment[], revision: number): Promise<void> {
  await backend.commit({
    newSegments: segments,
    put: {
      spec: {
        id,
        application: 'crash',
        model: '',
        tokenizer: '',
        parentId: '',
        expireTimeMs: undefined,
        metadata: {},
      },
      messages: segments.map(({ hash, tokenCount }) => ({
        role: 'user',
        name: '',
        toolCallId: '',
        segments: [{ hash, tokenCount }],
      })),
      expect: { kind: 'revision', revision },
      timeMs: Date.now(),
    },
  });
}

async function collectGarbage(from: ManagedBackend): Promise<never> {
  for (;;) {
    const { segments } = await from.listGarbage({ limit: 40, garbageBeforeMs: Date.now() });
    await from.commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Date.now() } });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
