import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Codec } from '../src/codec/index.js';
import type { TokenCore } from '../src/core/index.js';
import type { Change, ManagedBackend, NewSegment } from '../src/storage/index.js';
import type { BenchConversation } from './lib/corpus.js';

/**
 * Returns a conversation as the change that stores it, with each message as one segment, and all its
 * segments.
 */
export function changeOf(conversation: BenchConversation, core: TokenCore, codec: Codec): Change {
  const { id, application, model, tokenizer } = conversation;
  const newSegments: NewSegment[] = [];
  const messages = conversation.messages.map(({ role, name, toolCallId, words }) => {
    if (words.length === 0) return { role, name, toolCallId, segments: [] };
    const run = core.fromLe32(words);
    const segment = { hash: core.hash(run.varints), tokenCount: run.tokenCount, frame: codec.encode(run) };
    newSegments.push(segment);
    return { role, name, toolCallId, segments: [segment] };
  });
  return {
    newSegments,
    put: {
      spec: { id, application, model, tokenizer, parentId: '', expireTimeMs: undefined, metadata: {} },
      messages,
      expect: { kind: 'absentOrSame' },
      timeMs: Date.now(),
    },
  };
}

/** Stores as the vault does: segments that are stored already are not sent again. */
export async function store(backend: ManagedBackend, change: Change): Promise<void> {
  const segments = change.newSegments ?? [];
  const found = await backend.findSegments(segments.map(({ hash }) => hash));
  await backend.commit({ ...change, newSegments: segments.filter((_, index) => !found[index]) });
}

/** Makes a folder for a vault, for the duration of `use`. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
