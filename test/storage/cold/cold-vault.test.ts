import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import {
  type MaintainedBackend,
  openLmdbBackend,
  openLmdbReader,
  salvageLmdb,
} from '../../../src/storage/index.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { ByteWriter } from '../../../src/storage/shared/bytes.js';
import { FORMAT_VERSION } from '../../../src/storage/lmdb/tables/layout.js';
import { IDENTITY_KEY } from '../../../src/storage/lmdb/tables/meta.js';
import { core, longSegment, message, spec, storing } from '../../contract/support.js';
import { messagesOf } from '../../support/snapshots.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const signal = new AbortController().signal;
const COUNT = 90;
/** Time until which conversations are cold. */
const COLD_MS = 5_000;

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let nowMs: number;

async function open(): Promise<MaintainedBackend> {
  const codec = createLiveCodec(core);
  return openLmdbBackend({
    ...{ folder: folder.path, codec, clock: () => nowMs, durability: 'relaxed', strict: true },
    packing: { coldAfterMs: 1_000, fewest: 8 },
  });
}

/** Works on the tables while the vault is closed. */
async function inTables<T>(action: (tables: Tables) => T): Promise<T> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  const result = await environment.write(() => action(environment.tables));
  await environment.close();
  backend = await open();
  return result;
}

const id = (n: number) => `conversation/${String(n)}`;
const hotNumbers = () => inTables(({ conversations }) => [...conversations.hot.keys()]);
const headsIn = ({ conversations }: Tables) => [...conversations.packed.heldFrom(1)].map(({ head }) => head);
const packs = () => inTables((tables) => headsIn(tables).map((head) => head?.numbers.length));

const putting = (n: number, timeMs: number, replaces = false) => ({
  ...storing(id(n), [longSegment(20, n)]),
  put: {
    spec: spec(id(n), {
      application: n % 3 ? 'chat' : 'tools',
      metadata: { user: `user ${n % 5}` },
      ...(n % 7 === 0 && { expireTimeMs: 9_000_000 }),
    }),
    messages: [
      message('user', longSegment(20, n)),
      { ...message('tool', longSegment(7, n % 9)), toolCallId: `call_${n * 7919}`, name: 'nick' },
    ],
    expect: replaces ? ({ kind: 'revision', revision: 1 } as const) : ({ kind: 'absentOrSame' } as const),
    timeMs,
  },
  newSegments: [longSegment(20, n), longSegment(7, n % 9)],
});

/** Returns all that a caller can read. */
async function everything() {
  const read = async (each: string) => {
    const snapshot = await backend.openConversation(each);
    if (!snapshot) return undefined;
    const messages = await messagesOf(snapshot);
    snapshot.release();
    return { conversation: snapshot.conversation, messages };
  };
  const listed = async (order: 'newestFirst' | 'oldestFirst') =>
    (await backend.listConversations({ filter: {}, order, limit: 1_000, scanLimit: 10_000 })).conversations;
  const newest = await listed('newestFirst');
  const { conversations, messages, tokens, segments } = await backend.stats();
  return {
    newest,
    oldest: await listed('oldestFirst'),
    all: await Promise.all(newest.map((each) => read(each.id))),
    stats: { conversations, messages, tokens, segments },
  };
}

beforeEach(async () => {
  folder = await temporaryFolder();
  nowMs = COLD_MS + 1_000;
  backend = await open();
  for (let n = 1; n <= COUNT; n++) await backend.commit(putting(n, n <= 80 ? 1_000 + n : COLD_MS + n));
});
afterEach(async () => {
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

const pack = () => backend.defragment(signal);

describe('conversations that have not changed lately', () => {
  it('are packed by a compaction, and read as before', async () => {
    const before = await everything();
    const reclaimable = await backend.reclaimableBytes(signal);
    await pack();
    expect(await everything()).toEqual(before);
    expect(await packs()).toEqual([80]);
    expect(await hotNumbers()).toEqual(Array.from({ length: 10 }, (_, at) => 81 + at));
    expect(await backend.reclaimableBytes(signal)).toBeLessThan(reclaimable);
    expect(await everything()).toEqual(before);
  });

  it('leave their pack when they change, and come back', async () => {
    await pack();
    await backend.commit({
      newSegments: [longSegment(9, 500)],
      append: { id: id(3), messages: [message('user', longSegment(9, 500))], timeMs: nowMs },
    });
    await backend.commit(putting(5, nowMs, true));
    await backend.commit({ delete: { id: id(7), timeMs: nowMs } });
    await backend.commit({ delete: { id: id(1), timeMs: nowMs } });
    await backend.commit({ fork: { id: id(9), newId: 'fork', messageCount: 1, timeMs: nowMs } });
    expect(await packs()).toEqual([76]);
    expect(await hotNumbers()).toEqual([3, 5, ...Array.from({ length: 11 }, (_, at) => 81 + at)]);
    expect((await backend.getConversation(id(3)))?.messageCount).toBe(3);
    expect((await backend.getConversation(id(5)))?.revision).toBe(2);
    expect(await backend.getConversation(id(7))).toBeUndefined();
    expect((await backend.getConversation('fork'))?.parentId).toBe(id(9));
    const before = await everything();
    nowMs += 10_000;
    await pack();
    // All together again: the fork and the newest behind a pack that is small.
    expect(await packs()).toEqual([89]);
    expect(await everything()).toEqual(before);
  });

  it('can all be deleted, one after the other', async () => {
    await pack();
    for (let n = COUNT; n >= 1; n -= 2) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    expect(await packs()).toEqual([40]);
    await pack();
    const { newest } = await everything();
    expect(newest).toHaveLength(COUNT / 2);
    for (let n = 1; n <= COUNT; n += 2) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    expect(await packs()).toEqual([]);
    expect(await everything()).toMatchObject({ newest: [], oldest: [], stats: { conversations: 0 } });
  });

  it('are the same for a snapshot that was taken before they were packed, and one that was after', async () => {
    const before = await backend.openConversation(id(4));
    await pack();
    const after = await backend.openConversation(id(4));
    await backend.commit({ delete: { id: id(4), timeMs: nowMs } });
    expect(await messagesOf(after!)).toEqual(await messagesOf(before!));
    before!.release();
    after!.release();
  });

  it('stay as they are when they change while their pack is made', async () => {
    const packing = pack();
    for (let n = 1; n <= 40; n++) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    await packing;
    expect((await everything()).newest.map((each) => each.id)).toEqual(
      Array.from({ length: 50 }, (_, at) => id(COUNT - at)),
    );
  });

  it('are read by another process as they are at the time', async () => {
    const reader = await openLmdbReader({
      ...{ folder: folder.path, codec: createLiveCodec(core), lease: () => () => undefined, sharers: 1 },
    });
    const revisionOf = async (n: number) => {
      reader.refresh();
      return (await reader.getConversation(id(n)))?.revision;
    };
    expect(await revisionOf(4)).toBe(1);
    await pack();
    expect(await revisionOf(4)).toBe(1);
    await backend.commit(putting(4, nowMs, true));
    expect(await revisionOf(4)).toBe(2);
    nowMs += 10_000;
    for (let n = 10; n < 40; n++) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    await pack();
    expect(await revisionOf(4)).toBe(2);
    expect(await revisionOf(5)).toBe(1);
    expect(await revisionOf(12)).toBeUndefined();
    await reader.close();
  });

  it('leave nothing in a pack when they are forgotten', async () => {
    await pack();
    await backend.commit({ delete: { id: id(44), timeMs: nowMs } });
    const inPack = () =>
      inTables(({ conversations, conversationPacks }) =>
        [...conversationPacks.keys()].some((key) => conversations.packed.decoded(key).get(44) !== undefined),
      );
    expect(await inPack()).toBe(true);
    const before = await inTables(({ conversationPacks }) => Buffer.from(conversationPacks.get(1)!));
    const isInFile = async () =>
      (await readFile(join(folder.path, 'vault.mdb'))).includes(before.subarray(100, 150));
    expect(await isInFile()).toBe(true);
    await backend.forget({ isForgotten: (each) => each.id === id(44), labels: [], signal });
    expect(await backend.overwriteUnused({ waitMs: 5_000, signal })).toMatchObject({ isComplete: true });
    expect(await isInFile()).toBe(false);
    expect(await inPack()).toBe(false);
    expect(await packs()).toEqual([79]);
  });
});

describe('a damaged pack', () => {
  /** Stores a wrong record under the right checksum, or removes it. */
  const damage = (table: 'conversationPacks' | 'conversationPackHeads', value?: Uint8Array) =>
    inTables((tables) => {
      const [key] = [...tables[table].keys()];
      if (value) tables[table].put(key!, value);
      else tables[table].remove(key!);
    });

  it('is found; its conversations can be deleted', async () => {
    await pack();
    await damage('conversationPacks', Buffer.from('no pack'));
    expect((await backend.check()).map(({ invariant }) => invariant)).toContain('conversation-packs');
    await expect(backend.getConversation(id(4))).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    const list = await backend.listConversations({
      ...{ filter: {}, order: 'newestFirst', limit: 1_000, scanLimit: 10_000 },
    });
    expect(list.conversations).toHaveLength(10);
    expect(list.damaged).toHaveLength(80);
    await backend.repair();
    for (let n = 1; n <= 80; n++) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    expect((await backend.repair()).remaining).toEqual([]);
    expect((await everything()).newest).toHaveLength(10);
  });

  it('gets its head back by a repair, without what was deleted', async () => {
    await pack();
    await backend.commit({ delete: { id: id(44), timeMs: nowMs } });
    const before = await everything();
    for (const value of [undefined, Buffer.from('no head')]) {
      await damage('conversationPackHeads', value);
      expect((await backend.check()).map(({ invariant }) => invariant)).toContain('conversation-packs');
      expect((await backend.repair()).remaining).toEqual([]);
      expect(await everything()).toEqual(before);
    }
  });

  it('keeps the ids of its conversations while nobody knows which are there', async () => {
    await pack();
    await damage('conversationPacks');
    await damage('conversationPackHeads', Buffer.from('no head'));
    await backend.repair();
    await expect(backend.getConversation(id(4))).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await inTables(({ conversationPackHeads }) => {
      conversationPackHeads.clear();
    });
    for (let n = 1; n <= 80; n++) await backend.commit({ delete: { id: id(n), timeMs: nowMs } });
    await backend.repair();
  });
});

describe('a vault of which a pack is salvaged', () => {
  const salvaged = async () => {
    await backend.close();
    const to = `${folder.path}-salvaged`;
    const report = await salvageLmdb({ from: folder.path, to, codec: () => createLiveCodec(core), nowMs });
    await rm(folder.path, { recursive: true });
    await rename(to, folder.path);
    backend = await open();
    return report;
  };

  it('has all of its conversations, also when the head is lost', async () => {
    await pack();
    await backend.commit({ delete: { id: id(44), timeMs: nowMs } });
    const { newest, all } = await everything();
    expect((await salvaged()).lost.conversations).toEqual([]);
    expect(await everything()).toMatchObject({ newest, all });
    await inTables(({ conversationPackHeads }) => {
      conversationPackHeads.clear();
    });
    expect((await salvaged()).lost.conversations).toEqual([]);
    expect(await everything()).toMatchObject({ newest, all });
  });

  it('says which are lost with the pack', async () => {
    await pack();
    await inTables(({ conversationPacks }) => {
      conversationPacks.clear();
    });
    const { lost } = await salvaged();
    expect(lost.conversations.map((each) => each.id)).toEqual(
      Array.from({ length: 80 }, (_, at) => id(at + 1)),
    );
    expect((await everything()).newest).toHaveLength(10);
  });
});

describe('a vault of format 2', () => {
  const formatOfMarker = async () => /format (\d)/.exec(await readFile(marker(), 'utf8'))?.[1];
  const marker = () => join(folder.path, 'VAULT');

  it('is opened, and is one of the newest from then on: earlier versions refuse it', async () => {
    const { vaultId } = backend;
    const before = await everything();
    await inTables(({ meta }) => {
      const old = new ByteWriter().varint(2).raw(Buffer.from(vaultId, 'hex')).finish();
      meta.put(IDENTITY_KEY, old);
    });
    await backend.close();
    await writeFile(
      marker(),
      (await readFile(marker(), 'utf8')).replace(`format ${FORMAT_VERSION}`, 'format 2'),
    );
    backend = await open();
    expect(await formatOfMarker()).toBe(String(FORMAT_VERSION));
    expect(await inTables(({ meta }) => meta.get(IDENTITY_KEY)?.[0])).toBe(FORMAT_VERSION);
    expect(await everything()).toEqual(before);
    await pack();
    expect(await everything()).toEqual(before);
  });
});
