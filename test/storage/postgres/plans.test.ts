import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SegmentHash } from '../../../src/model/index.js';
import { migratePostgres } from '../../../src/storage/index.js';
import { removeHashes } from '../../../src/storage/postgres/commit/hashes.js';
import { findByHash, placesFrom } from '../../../src/storage/postgres/commit/lookup.js';
import { requireStored } from '../../../src/storage/postgres/commit/work.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { int, type Statement } from '../../../src/storage/postgres/database/driver.js';
import type { Transaction } from '../../../src/storage/postgres/database/transaction.js';
import { headOf, restOf } from '../../../src/storage/postgres/formats/ids.js';
import { chunkEntriesMax } from '../../../src/storage/postgres/schema/chunks.js';
import { postgresMissing, testDatabase } from '../../support/postgres.js';

/** Segments of the index, all of them in chunks, and those that a statement asks for. */
const [segments, asked] = [30_000, 200] as const;
const p = 1;

describe.skipIf(postgresMissing !== undefined)('statements about the index by hash', () => {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const entries = Array.from({ length: segments }, (_, slot) => ({
    hash: createHash('sha256').update(String(slot)).digest('hex') as SegmentHash,
    k: '7',
    slot,
  })).sort((one, other) => (one.hash < other.hash ? -1 : 1));
  let left = segments;
  let database: Database;
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    await database.query(
      {
        name: '',
        text: `insert into hc (p, h, hs, rs, ks, slots, tokens)
          select $1::int, (array_agg(u.h order by u.h))[1], array_agg(u.h order by u.h), array_agg(u.r order by u.h),
            array_agg(7::int8), array_agg(u.slot order by u.h), array_agg(3)
          from unnest($2::uuid[], $3::uuid[], $4::int4[], $5::int4[]) u(h, r, slot, chunk) group by u.chunk`,
      },
      [
        ...[p, entries.map(({ hash }) => headOf(hash)), entries.map(({ hash }) => restOf(hash))],
        ...[entries.map(({ slot }) => slot), entries.map((_, at) => Math.floor(at / chunkEntriesMax))],
      ],
    );
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });

  const countRead: Statement = {
    name: 'count_read',
    text: `select seq_tup_read + coalesce(idx_tup_fetch, 0) n from pg_stat_xact_user_tables
      where relid = 'hc'::regclass`,
  };
  /** Returns the rows of chunks that a transaction reads by that. */
  const readBy = (work: (transaction: Transaction) => Promise<unknown>) =>
    database.transact(async (transaction) => {
      // With those of transactions before it on the connection.
      const [before] = await transaction.query(countRead);
      await work(transaction);
      const [after] = await transaction.query(countRead);
      return int(after?.['n']) - int(before?.['n'] ?? 0);
    });

  it.each([
    ['nothing', 0],
    ['all', 1],
  ])('read the chunks of what they ask for alone, when the planner knows %s of them', async (_, first) => {
    if (first > 0) await database.query({ name: '', text: 'analyze hc' });
    const some = entries.filter((_, at) => at % (segments / asked) === first);
    const heads = some.map(({ hash }) => headOf(hash));
    const columns = [heads, some.map(({ k }) => k), some.map(({ slot }) => slot)];
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const read = await readBy(async (transaction) => {
        transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
        const found = placesFrom(await transaction.query(findByHash, [p, heads]));
        expect([...found.keys()].sort()).toEqual(some.map(({ hash }) => hash));
      });
      // The chunk's key, and the chunk.
      expect(read).toBeLessThanOrEqual(2 * asked);
      const required = await readBy(async (transaction) => {
        transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
        await transaction.query(requireStored, [p, ...columns, asked]);
      });
      expect(required).toBeLessThanOrEqual(4 * asked);
    }
    const removed = await readBy((transaction) => removeHashes(transaction, p, some));
    // Each chunk's key twice, the chunk, and its change.
    expect(removed).toBeLessThanOrEqual(4 * asked);
    left -= asked;
    const count = { name: '', text: 'select sum(cardinality(hs)) n from hc where p = $1' };
    const [row] = await database.query(count, [p]);
    expect(int(row?.['n'])).toBe(left);
    expect(await database.query(findByHash, [p, heads])).toEqual([]);
  });
});
