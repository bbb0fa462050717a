import { createLiveCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import { openLmdbBackend } from '../src/storage/index.js';
import { createTokenizers } from '../src/text/index.js';
import { createVault, SearchThreads, type StoreInput, type Vault } from '../src/vault/index.js';
import { loadCorpus, type BenchConversation } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { timed } from './lib/measure.js';
import { printTable, short } from './lib/table.js';
import { inFolder } from './storage-changes.js';

/** Limits of the bytes besides the frames. */
const budget = { segment: 30, message: 6, conversation: 40 };
const inFlight = 64;
const HOUR_MS = 3_600_000;

/**
 * Compares with the limits the bytes in use besides frames and registries after a vault has stored all
 * corpora, prefix index included.
 */
export async function measureOverhead(files: readonly string[]): Promise<void> {
  let laterMs = 0;
  const clock = () => Date.now() + laterMs;
  const core = await loadCore();
  const codec = createLiveCodec(core);
  await inFolder(async (folder) => {
    const backend = await openLmdbBackend({ folder, codec, clock, durability: 'relaxed' });
    const tokenizers = createTokenizers({ threadsMax: 1 });
    const vault = createVault({
      name: 'default',
      ...{ backend, core, codec, tokenizers, searchThreads: new SearchThreads(1) },
      clock,
    });
    const { signal } = new AbortController();
    let idBytes = 0;
    for (const load of files.length > 0 ? files.map((file) => () => loadCorpus(file)) : [generatedCorpus]) {
      const { conversations } = await load();
      await timed(conversations, inFlight, (each) => vault.store(inputOf(each), signal));
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
    // A compaction leaves alone what changed a moment ago.
    laterMs = HOUR_MS;
    await compact(vault, signal);
    const compacted = await backend.stats();
    const others = compacted.segmentBytes + compacted.registryBytes;
    printTable(
      'storage: all corpora in one vault, before a compaction and after it',
      ['bytes', 'before', 'after'],
      [
        ['frames and registries', short(stats.segmentBytes + stats.registryBytes), short(others)],
        ['in use beside them', short(overhead), short(compacted.inUseBytes - others)],
        ['in use', short(stats.inUseBytes), short(compacted.inUseBytes)],
      ],
    );
    const violations = await backend.check();
    await tokenizers.close();
    await backend.close();
    if (violations.length > 0) throw new Error(`the vault is damaged: ${JSON.stringify(violations[0])}`);
  });
}

async function compact(vault: Vault, signal: AbortSignal): Promise<void> {
  const bounds = { segmentsMax: undefined, bytesMax: undefined, timeMsMax: undefined };
  const input = { dryRun: false, minSavingsRatio: 0, resumeToken: '', ...bounds };
  for await (const part of vault.compact(input, signal)) if (part.kind === 'summary') return;
}

function inputOf({ id, application, model, tokenizer, messages }: BenchConversation): StoreInput {
  return {
    spec: { id, application, model, tokenizer, parentId: '', expireTimeMs: undefined, metadata: {} },
    messages: messages.map(({ role, name, toolCallId, words }) => ({
      role,
      name,
      toolCallId,
      content: { kind: 'le32', bytes: words },
    })),
  };
}
