import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { isStowkenError } from '../../../src/model/index.js';
import { type MaintainedBackend, openLmdbBackend } from '../../../src/storage/index.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { core, longSegment, storing } from '../../contract/support.js';
import { Random } from '../../crash/random.js';
import { messagesOf } from '../../support/snapshots.js';
import { sampleOr } from '../../support/sample.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const signal = new AbortController().signal;
const ids = Array.from({ length: 60 }, (_, n) => `conversation ${n}`);
const DELETED = new Set([3, 4, 30]);

let folder: TemporaryFolder;
const file = () => join(folder.path, 'vault.mdb');
const open = () =>
  openLmdbBackend({
    ...{ folder: folder.path, codec: createLiveCodec(core), clock: () => 90_000, durability: 'relaxed' },
    packing: { coldAfterMs: 0, fewest: 20 },
  });

beforeEach(async () => {
  folder = await temporaryFolder();
  const backend = await open();
  for (const [n, id] of ids.entries()) await backend.commit(storing(id, [longSegment(9, n)]));
  await backend.defragment(signal);
  for (const n of DELETED) await backend.commit({ delete: { id: ids[n]!, timeMs: 90_000 } });
  expect(await backend.check()).toEqual([]);
  await backend.close();
});
afterEach(() => folder.remove());

/** Returns the stored bytes of the pack and its head, checksums included. */
async function storedBytes(): Promise<Uint8Array[]> {
  const environment = await Environment.open(folder.path, { sync: false });
  const { conversationPacks, conversationPackHeads } = environment.tables;
  const stored = [conversationPacks, conversationPackHeads].map((table) => table.stored(1)!);
  await environment.close();
  return stored;
}

/** Returns what is read of each conversation: its messages, nothing, or that it is damaged. */
async function answers(backend: MaintainedBackend): Promise<unknown[]> {
  const read = async (id: string) => {
    const snapshot = await backend.openConversation(id);
    if (!snapshot) return 'none';
    const messages = await messagesOf(snapshot);
    snapshot.release();
    return JSON.stringify([snapshot.conversation, messages]);
  };
  return Promise.all(
    ids.map((id) =>
      read(id).catch((error: unknown) => {
        if (isStowkenError(error, 'CORRUPT_STORE')) return 'damaged';
        throw error;
      }),
    ),
  );
}

it('a flipped bit of a pack or its head is an error, or changes no answer', async () => {
  const whole = await readFile(file());
  const stored = await storedBytes();
  const first = await open();
  const right = await answers(first);
  await first.close();
  const random = new Random(5);
  for (const [at, bytes] of stored.entries()) {
    const start = whole.indexOf(bytes);
    expect(start).toBeGreaterThan(0);
    for (let flips = sampleOr(12, 200); flips > 0; flips -= 1) {
      const flipped = Buffer.from(whole);
      flipped[start + random.below(bytes.length)]! ^= 1 << random.below(8);
      await writeFile(file(), flipped);
      const backend = await open();
      const found = await answers(backend);
      for (const [n, answer] of found.entries())
        if (answer !== 'damaged') expect(answer).toBe(DELETED.has(n) ? 'none' : right[n]);
      expect(found).toContain('damaged');
      const list = await backend.listConversations({
        ...{ filter: {}, order: 'oldestFirst', limit: 100, scanLimit: 100 },
      });
      expect(list.damaged?.length).toBeGreaterThan(0);
      expect((await backend.check()).length).toBeGreaterThan(0);
      const { remaining } = await backend.repair();
      // A head follows from the pack and the ids; a pack follows from nothing.
      if (at === 1) expect([remaining, await answers(backend)]).toEqual([[], right]);
      else expect(remaining.length).toBeGreaterThan(0);
      await backend.close();
    }
  }
});
