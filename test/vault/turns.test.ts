import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StorageBackend } from '../../src/storage/index.js';
import { createMemoryBackend } from '../../src/storage/index.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

const messageCount = 20_000;

let t: TestVault;
/** Called when the first messages of a conversation have been read. */
let onRead: (() => void) | undefined;

beforeAll(async () => {
  t = await openTestVault(async (codec, clock) => watched(createMemoryBackend({ codec, clock })));
  const messages = Array.from({ length: messageCount }, () => say('user', [1, 2, 3]));
  for (const id of ['long', 'fork'])
    await t.vault.store({ spec: spec(id, { tokenizer: 'none' }), messages }, signal);
});
afterAll(() => t.close());

/** Returns a storage that reports reads of message lists. */
function watched(backend: StorageBackend): StorageBackend {
  const open = backend.openConversation.bind(backend);
  // The vault reads message lists itself where a storage does not.
  Object.assign(backend, { sharedSegments: undefined });
  backend.openConversation = async (...given) => {
    const snapshot = await open(...given);
    return (
      snapshot && {
        ...snapshot,
        read: async (from, messagesMax) => {
          onRead?.();
          onRead = undefined;
          return snapshot.read(from, messagesMax);
        },
      }
    );
  };
  return backend;
}

const needle = { text: 'needle', ignoreCase: false, wholeWords: false };

describe('a long list of messages that a call looks through', () => {
  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['sharedSegments', (stop) => t.vault.sharedSegments({ order: 'references', limit: 1 }, stop)],
    ['search', (stop) => collectAll(t.vault.search({ ...needle, filter: {}, limit: 9 }, stop))],
    ['duplicates', (stop) => collectAll(t.vault.duplicates({ threshold: 0.8, filter: {}, limit: 1 }, stop))],
    [
      'similar',
      (stop) =>
        t.vault.similar(
          {
            threshold: 0.8,
            filter: {},
            order: 'similarity',
            limit: 1,
            target: { kind: 'conversation', id: 'long' },
          },
          stop,
        ),
    ],
  ])('leaves others their turn in %s, which ends when it is cancelled', async (_name, call) => {
    const stopped = new AbortController();
    let others = 0;
    onRead = () =>
      setImmediate(() => {
        others += 1;
        stopped.abort();
      });
    await expect(call(stopped.signal)).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(others).toBe(1);
  });
});
