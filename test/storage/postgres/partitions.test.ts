import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migratePostgres } from '../../../src/storage/index.js';
import { Partitions } from '../../../src/storage/postgres/partitions.js';
import { IdSource } from '../../../src/storage/postgres/formats/ids.js';
import { listOf } from '../../contract/long-lists.js';
import { longSegment, message, segment, spec, storing } from '../../contract/support.js';
import { postgresMissing, testDatabase } from '../../support/postgres.js';
import { stowken } from '../../cli/support/stowken.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

const partitions = new Partitions(1, 4);
/** Returns an id whose row is in the partition of this number, counted from 0. */
function idIn(partition: number, salt = ''): string {
  for (let n = 0; ; n++) if (partitions.ofId(`c${salt}${n}`) === 1 + partition) return `c${salt}${n}`;
}

it('ids of packs tell their partition, and rise', () => {
  const ids = new IdSource(4);
  const given = Array.from({ length: 2_000 }, (_, n) => ({ id: ids.next(n % 3), at: n % 3 }));
  for (const { id, at } of given) expect(partitions.ofPack(id)).toBe(1 + at);
  const numbers = given.map(({ id }) => BigInt(id));
  expect(numbers.every((id, n) => n === 0 || id > numbers[n - 1]!)).toBe(true);
});

describe.skipIf(postgresMissing !== undefined)('a vault of four partitions', () => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create(4);
    [one, other] = [await vault.open({ beatMs: 20 }), await vault.open({ beatMs: 20 })];
  });
  afterEach(async () => {
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  const ids = [0, 1, 2, 3].map((partition) => idIn(partition));
  const garbage = async () =>
    (await one.listGarbage({ limit: 100, garbageBeforeMs: Infinity })).segments.map(({ key }) => key);
  const refCount = async (hash: ReturnType<typeof segment>['hash']) => {
    const [found] = await other.findSegments([hash]);
    return found && (await other.countReferences([found.key]))[0];
  };

  it('stores a segment once in each partition that names it, and counts the references of all', async () => {
    const shared = longSegment(40, 1);
    for (const id of ids) {
      await one.commit(storing(id, [shared]));
      // Named without its frame: it is copied from a partition that has it.
      const named = { ...storing(`${id}b`, [shared]), newSegments: [] };
      expect((await other.commit(named)).put).toMatchObject({ newSegments: 0, segments: 1 });
    }
    expect(await other.findCopies!(shared.hash)).toHaveLength(4);
    expect(await refCount(shared.hash)).toBe(8);
    expect(await one.stats()).toMatchObject({ conversations: 8, segments: 4, uniqueTokens: 160 });
    for (const id of ids) expect(await listOf(other, `${id}b`)).toHaveLength(1);
    await expect(one.commit({ ...storing('x', [longSegment(9, 9)]), newSegments: [] })).rejects.toMatchObject(
      {
        reason: 'SEGMENT_MISSING',
      },
    );
  });

  it('copies a segment from any partition that has it still', async () => {
    const shared = longSegment(40, 1);
    for (const id of ids.slice(1)) await one.commit(storing(id, [shared]));
    // As a collector does it between what a store finds and what it reads.
    await vault.rows('delete from part where p = $1 + 1');
    const named = { ...storing(ids[0]!, [shared]), newSegments: [] };
    expect((await other.commit(named)).put).toMatchObject({ newSegments: 0, segments: 1 });
    expect(await listOf(one, ids[0]!)).toHaveLength(1);
    // The vault lacks rows: another one is checked after the test.
    await vault.close();
    vault = await SharedVault.create(4);
    one = await vault.open();
  });

  it('keeps a fork beside its parent, wherever its own row is', async () => {
    const [parent, child] = [ids[0]!, ids[3]!];
    const [a, b] = [longSegment(40, 1), longSegment(40, 2)];
    await one.commit(storing(parent, [a]));
    await one.commit({ fork: { id: parent, newId: child, messageCount: undefined, timeMs: 5 } });
    expect(await one.stats()).toMatchObject({ conversations: 2, segments: 1 });
    const append = { id: child, messages: [message('user', b)], timeMs: 6 };
    await other.commit({ newSegments: [b], append });
    expect((await listOf(one, child))?.length).toBe(2);
    expect(await one.getConversation(child)).toMatchObject({ parentId: parent, revision: 2 });
    await expect(one.commit({ ...storing(child, [b]) })).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
    });
    // A conversation of the same content that was stored on its own is the same fork.
    await one.commit({
      newSegments: [a],
      put: {
        spec: spec(ids[1]!, { parentId: parent }),
        messages: [message('user', a)],
        expect: { kind: 'absentOrSame' },
        timeMs: 7,
      },
    });
    const again = { id: parent, newId: ids[1]!, messageCount: undefined, timeMs: 8 };
    expect((await one.commit({ fork: again })).fork).toMatchObject({ unchanged: true });
    await one.commit({ delete: { id: parent, timeMs: 9 } });
    expect((await one.commit({ delete: { id: child, timeMs: 9 } })).delete).toMatchObject({
      garbageSegments: 2,
    });
  });

  it('has outside holders of a segment in one place, whoever names it', async () => {
    const a = longSegment(40, 3);
    await one.commit(storing(ids[0]!, [a]));
    const reference = { hash: a.hash, holder: 'h' };
    const add = () => other.commit({ addReferences: [reference, reference] });
    expect((await add()).addReferences).toEqual([{ refCount: 2 }, { refCount: 2 }]);
    expect((await add()).addReferences).toEqual([{ refCount: 2 }, { refCount: 2 }]);
    await one.commit({ delete: { id: ids[0]!, timeMs: 2 } });
    expect((await one.commit({ deleteSegments: [a.hash] })).deleteSegments).toEqual([
      { deleted: false, refCount: 1 },
    ]);
    expect((await one.listReferences!({ limit: 10 })).references).toEqual([reference]);
    const removed = await one.commit({ removeReferences: [reference] });
    expect(removed.removeReferences).toEqual([{ refCount: 0 }]);
    expect((await one.commit({ deleteSegments: [a.hash] })).deleteSegments).toEqual([
      { deleted: true, refCount: 0 },
    ]);
    expect(await refCount(a.hash)).toBeUndefined();
  });

  it('lists in order over all partitions, page by page', async () => {
    const all = Array.from({ length: 30 }, (_, n) => `c${n}`);
    for (const [n, id] of all.entries()) await one.commit(storing(id, [segment(n)], 1_000 + (n >> 1)));
    for (const order of ['newestFirst', 'earliestStoreFirst'] as const) {
      const found: string[] = [];
      let after: Awaited<ReturnType<typeof one.listConversations>>['next'];
      do {
        const query = { filter: {}, order, limit: 7, scanLimit: 100, ...(after && { after }) };
        const page = await other.listConversations(query);
        found.push(...page.conversations.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(new Set(found)).toEqual(new Set(all));
      expect(found).toHaveLength(30);
      const times = await Promise.all(found.map(async (id) => (await one.getConversation(id))!.createTimeMs));
      const sorted = [...times].sort((a, b) => (order === 'newestFirst' ? b - a : a - b));
      expect(times).toEqual(sorted);
    }
  });

  it('collects the garbage of all partitions, and lets lists go', async () => {
    const a = longSegment(40, 4);
    for (const id of ids) await one.commit(storing(id, [a, longSegment(30, 10 + ids.indexOf(id))]));
    for (const id of ids) await other.commit({ delete: { id, timeMs: 2 } });
    const keys = await garbage();
    expect(keys).toHaveLength(8);
    const { collect } = await one.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect?.segments).toBe(8);
    expect(await one.stats()).toMatchObject({ conversations: 0, segments: 0, garbageSegments: 0 });
    const scanned = await other.scanSegments({ limit: 10, bytesMax: 1e6 });
    expect(scanned).toEqual({ segments: [], next: undefined });
  });

  it('keeps segments beside the conversation that is going to name them', async () => {
    const a = longSegment(40, 5);
    for (const id of ids) await one.commit({ newSegments: [a], segmentsOf: id });
    expect(await one.findCopies!(a.hash)).toHaveLength(4);
    for (const id of ids)
      expect((await one.commit({ ...storing(id, [a]), newSegments: [] })).put).toMatchObject({ segments: 1 });
    expect(await one.stats()).toMatchObject({ segments: 4, garbageSegments: 0 });
  });

  it('counts usage in one row, wherever its conversations are, until it is dropped', async () => {
    const rows = async () => {
      const found: unknown[] = [];
      await other.usage!({ fromMs: 0, beforeMs: 1e12, onRow: (row) => found.push(row) });
      return found;
    };
    await one.setLabels!(['user']);
    for (const id of ids) {
      const put = { ...storing(id, [longSegment(10, 1)]).put!, spec: spec(id, { metadata: { user: '7' } }) };
      await one.commit({ newSegments: [longSegment(10, 1)], put });
    }
    await one.commit({ fork: { id: ids[0]!, newId: 'f', messageCount: 1, timeMs: 2_000_000 } });
    await one.commit({ delete: { id: ids[1]!, timeMs: 3 } });
    const labels = { user: '7' };
    const figures = { conversations: 4, messages: 4, userTokens: 40, newTokens: 40 };
    expect(await rows()).toMatchObject([
      { timeMs: 0, labels, figures },
      { timeMs: 1_800_000, labels, figures: { conversations: 1, messages: 0 } },
    ]);
    expect(await one.dropUsage!(1_800_000, new AbortController().signal)).toBe(4);
    expect(await rows()).toMatchObject([{ timeMs: 1_800_000 }]);
    // The other server learns of the label by itself.
    let tries = 0;
    await eventually(async () => {
      const id = `x${tries++}`;
      const put = { ...storing(id, []).put!, spec: spec(id, { metadata: { user: '8' } }) };
      await other.commit({ put });
      expect(JSON.stringify(await rows())).toContain('"user":"8"');
    });
  });

  it('is deleted with the rows of all of them', async () => {
    for (const id of ids) await one.commit(storing(id, [longSegment(20, 1)]));
    await vault.remove();
    await expect(other.commit(storing('y', [])).catch((error: unknown) => error)).resolves.toMatchObject({
      reason: 'VAULT_NOT_FOUND',
    });
    // Servers that have it open tell that they are there until they close it.
    await vault.close();
    expect(await vault.rowsLeft(4)).toBe(0);
    vault = await SharedVault.create(4);
    one = await vault.open();
  });
});

describe.skipIf(postgresMissing !== undefined)('a number of partitions', () => {
  it('is chosen when the tables are made, and stays', async () => {
    const [url, schema] = [await testDatabase(), `test_${randomUUID().replaceAll('-', '')}`];
    const migrate = (...args: string[]) =>
      stowken(['migrate', '--storage', url, '--schema', schema, ...args]);
    const wrong = await migrate('--partitions', '0');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('from 1 to 1024') as string });
    const made = await migrate('--partitions', '16');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toBe(
      `the tables in schema ${schema} are of version 10 now, with 16 partitions for each vault\n`,
    );
    expect(JSON.parse((await migrate('--json')).stdout)).toMatchObject({ from: 10, to: 10, partitions: 16 });
    expect(await migrate('--partitions', '16')).toMatchObject({ code: 0 });
    expect(await migrate('--partitions', '8')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('have 16 partitions each, not 8') as string,
    });
    await expect(migratePostgres({ url, schema, partitions: 2 })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'partitions' },
    });
  });
});
