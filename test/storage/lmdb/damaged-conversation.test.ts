import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openLmdbBackend,
  type ConversationPage,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { longList, puttingList } from '../../contract/long-lists.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const CONVERSATIONS = 30;
/** Number of the damaged conversation; numbers begin at 1. */
const DAMAGED = 7;
const damagedId = `c${DAMAGED}`;

let folder: TemporaryFolder;
let backend: MaintainedBackend;
const open = () => openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });

beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await open();
  const shared = longSegment(50, 7);
  for (let n = 1; n <= CONVERSATIONS; n++) {
    const own = longSegment(20, n);
    await backend.commit({
      newSegments: [own, shared],
      put: {
        spec: spec(`c${n}`),
        messages: [message('system', shared), message('user', own)],
        expect: { kind: 'absentOrSame' },
        timeMs: n,
        prefix: Buffer.of(1, 1, 1, n % 3, 2, 2, 2, n),
      },
    });
  }
});
afterEach(async () => {
  await backend.close();
  await folder.remove();
});

async function spoil(number: number, change: (record: Uint8Array) => Uint8Array): Promise<void> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  const { conversations } = environment.tables;
  await environment.write(() => conversations.put(number, change(conversations.get(number)!)));
  await environment.close();
  backend = await open();
}

const spoilHeader = () => spoil(DAMAGED, () => Buffer.of(0xff));

async function listAll(order: 'newestFirst' | 'oldestFirst', limit: number): Promise<ConversationPage[]> {
  const pages: ConversationPage[] = [];
  let after: ConversationPage['next'];
  do {
    const query = { filter: {}, order, limit, scanLimit: 1000, ...(after !== undefined && { after }) };
    pages.push(await backend.listConversations(query));
    after = pages.at(-1)!.next;
  } while (after !== undefined);
  return pages;
}

describe('a conversation whose record does not decode', () => {
  it.each(['newestFirst', 'oldestFirst'] as const)('is named where it is listed, %s', async (order) => {
    await spoilHeader();
    const pages = await listAll(order, 5);
    expect(pages.map((page) => page.conversations.length + (page.damaged?.length ?? 0))).toEqual(
      expect.arrayContaining([5, 5, 5, 5, 5, 5]),
    );
    expect(pages.flatMap(({ conversations }) => conversations)).toHaveLength(CONVERSATIONS - 1);
    expect(pages.flatMap(({ damaged }) => damaged ?? [])).toEqual([
      { id: damagedId, detail: expect.stringContaining('ends too early') as string },
    ]);
  });

  it('does not stand in the way of a range of times', async () => {
    await spoilHeader();
    for (const from of [DAMAGED - 1, DAMAGED, DAMAGED + 1]) {
      const { conversations } = await backend.listConversations({
        filter: { createTimeFromMs: from },
        order: 'oldestFirst',
        limit: 100,
        scanLimit: 100,
      });
      expect(conversations.map(({ createTimeMs }) => createTimeMs)).toEqual(
        Array.from({ length: CONVERSATIONS }, (_, at) => at + 1).filter((n) => n >= from && n !== DAMAGED),
      );
    }
  });

  it('is refused by name where it is read', async () => {
    await spoilHeader();
    const refusal = { reason: 'CORRUPT_STORE', metadata: { conversation: damagedId } };
    await expect(backend.getConversation(damagedId)).rejects.toMatchObject(refusal);
    await expect(backend.openConversation(damagedId)).rejects.toMatchObject(refusal);
    await expect(backend.commit({ delete: { id: damagedId, revision: 1, timeMs: 1 } })).rejects.toMatchObject(
      refusal,
    );
  });

  it('can be deleted, and then the vault can be repaired', async () => {
    await spoilHeader();
    await backend.commit({ delete: { id: damagedId, timeMs: 6_000 } });
    expect(await backend.getConversation(damagedId)).toBeUndefined();
    const { remaining } = await backend.repair();
    expect(remaining).toEqual([]);
    expect(await backend.check()).toEqual([]);
    const { segments, conversations, garbageSegments } = await backend.stats();
    expect({ segments, conversations, garbageSegments }).toEqual({
      segments: CONVERSATIONS + 1,
      conversations: CONVERSATIONS - 1,
      garbageSegments: 1,
    });
  });

  it('is still named after a repair, by its id, and the vault is whole when it is deleted', async () => {
    await spoilHeader();
    const { remaining } = await backend.repair();
    expect(remaining).toEqual([
      expect.objectContaining({ invariant: 'manifest', subject: `conversation ${damagedId}` }),
    ]);
    await backend.commit({ delete: { id: damagedId, timeMs: 6_000 } });
    expect(await backend.check()).toEqual([]);
  });

  it('can be deleted when only its list is damaged', async () => {
    await backend.commit(puttingList('long', longList(2000)));
    await spoil(CONVERSATIONS + 1, (record) => record.subarray(0, record.length - 1));
    await spoil(DAMAGED, (record) => record.subarray(0, record.length - 1));
    for (const id of ['long', damagedId]) await backend.commit({ delete: { id, timeMs: 6_000 } });
    expect((await backend.repair()).remaining).toEqual([]);
    expect(await listAll('oldestFirst', 100)).toEqual([
      expect.objectContaining({ conversations: expect.objectContaining({ length: 29 }) as unknown }),
    ]);
  });
});
