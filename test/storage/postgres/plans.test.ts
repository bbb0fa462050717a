import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SegmentHash } from '../../../src/model/index.js';
import { migratePostgres } from '../../../src/storage/index.js';
import {
  lockCondemned,
  lockPacks,
  deleteCounts,
  readGoneParts,
} from '../../../src/storage/postgres/collect/bury.js';
import { condemnSegments } from '../../../src/storage/postgres/collect/condemn.js';
import { countsOf } from '../../../src/storage/postgres/commit/counts.js';
import { removeHashes } from '../../../src/storage/postgres/commit/hashes.js';
import { findByHash, placesFrom } from '../../../src/storage/postgres/commit/lookup.js';
import { requireKept, requireNew, requireUnasked } from '../../../src/storage/postgres/commit/one-trip.js';
import { deleteChunks, requireShared } from '../../../src/storage/postgres/commit/prefixes.js';
import { requireStored, reviveSegments } from '../../../src/storage/postgres/commit/work.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { bytes, int, type Statement, type Value } from '../../../src/storage/postgres/database/driver.js';
import type { Transaction } from '../../../src/storage/postgres/database/transaction.js';
import { headColumns } from '../../../src/storage/postgres/formats/head.js';
import { headOf, restOf } from '../../../src/storage/postgres/formats/ids.js';
import {
  countOf,
  indexedRowsOf,
  indexFor,
  rowsOf,
  sortedRowsOf,
} from '../../../src/storage/postgres/read/list-indexes.js';
import { readPacks } from '../../../src/storage/postgres/read/frames.js';
import { chunkEntriesMax } from '../../../src/storage/postgres/schema/chunks.js';
import { postgresMissing, testDatabase } from '../../support/postgres.js';

/** Segments of the index, all of them in chunks, and those that a statement asks for. */
const [segments, asked] = [30_000, 200] as const;
const p = 1;

const schemaName = () => `test_${randomUUID().replaceAll('-', '')}`;

/** Returns the rows of a table that a transaction reads by its work. */
function readBy(
  database: Database,
  table: string,
  work: (transaction: Transaction) => Promise<unknown>,
): Promise<number> {
  const count = {
    name: '',
    text: `select seq_tup_read + coalesce(idx_tup_fetch, 0) n from pg_stat_xact_user_tables
      where relid = '${table}'::regclass`,
  };
  return database.transact(async (transaction) => {
    // With those of transactions before it on the connection.
    const [before] = await transaction.query(count);
    await work(transaction);
    const [after] = await transaction.query(count);
    return int(after?.['n']) - int(before?.['n'] ?? 0);
  });
}

describe.skipIf(postgresMissing !== undefined)('statements about the index by hash', () => {
  const schema = schemaName();
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

  it.each([
    ['nothing', 0],
    ['all', 1],
  ])('read the chunks of what they ask for alone, when the planner knows %s of them', async (_, first) => {
    if (first > 0) await database.query({ name: '', text: 'analyze hc' });
    const some = entries.filter((_, at) => at % (segments / asked) === first);
    const heads = some.map(({ hash }) => headOf(hash));
    const columns = [heads, some.map(({ k }) => k), some.map(({ slot }) => slot)];
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const read = await readBy(database, 'hc', async (transaction) => {
        transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
        const found = placesFrom(await transaction.query(findByHash, [p, heads]));
        expect([...found.keys()].sort()).toEqual(some.map(({ hash }) => hash));
      });
      // The chunk's key, and the chunk.
      expect(read).toBeLessThanOrEqual(2 * asked);
      const required = await readBy(database, 'hc', async (transaction) => {
        transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
        await transaction.query(requireStored, [p, ...columns, asked]);
      });
      expect(required).toBeLessThanOrEqual(4 * asked);
    }
    const removed = await readBy(database, 'hc', (transaction) => removeHashes(transaction, p, some));
    // Each chunk's key twice, the chunk, and its change.
    expect(removed).toBeLessThanOrEqual(4 * asked);
    left -= asked;
    const count = { name: '', text: 'select sum(cardinality(hs)) n from hc where p = $1' };
    const [row] = await database.query(count, [p]);
    expect(int(row?.['n'])).toBe(left);
    expect(await database.query(findByHash, [p, heads])).toEqual([]);
  });
});

describe.skipIf(postgresMissing !== undefined)('lists by a time', () => {
  const schema = schemaName();
  const [rows, limit] = [20_000, 51] as const;
  let database: Database;
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    // None were changed in partition 1, every second one in 2, all in 3.
    await database.query({
      name: '',
      text: `insert into conv (p, ${headColumns})
        select p, 1, 1, 1, n, n, 1, n * 10, n * 10,
          n * 10 + case when p = 3 or (p = 2 and n % 2 = 0) then 5 else 0 end, null,
          md5(n::text)::uuid, n::text::bytea, 'a', 'b', 'c', '', '', 0
        from generate_series(1, 3) p, generate_series(1, ${rows}) n`,
    });
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });

  it.each(['nothing', 'all'])(
    'read a page of either kind when the planner knows %s of them',
    async (known) => {
      if (known === 'all') await database.query({ name: '', text: 'analyze conv' });
      const [least, most] = ['-9223372036854775808', '9223372036854775807'];
      for (const mode of ['force_custom_plan', 'force_generic_plan'])
        for (const column of ['created', 'stored', 'updated'] as const)
          for (const descending of [true, false])
            for (const p of [1, 2, 3]) {
              const end = descending ? most : least;
              const values = [p, least, most, end, end, limit];
              const read = await readBy(database, 'conv', async (transaction) => {
                transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
                const found = await transaction.query(rowsOf({ column, descending }), values);
                const ids = found.map(({ id }) => Number(bytes(id).toString()));
                const first = descending ? rows - limit + 1 : 1;
                const wanted = Array.from({ length: limit }, (_, at) => first + at);
                expect(ids).toEqual(descending ? wanted.reverse() : wanted);
              });
              expect(read, `${column} of partition ${p}`).toBeLessThanOrEqual(2 * limit);
            }
    },
  );
});

describe.skipIf(postgresMissing !== undefined)('lists by fields', () => {
  const schema = schemaName();
  const [rows, limit] = [20_000, 51] as const;
  let database: Database;
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    // One application has a hundredth of them, with two models. Two kinds share a number.
    const sets = `case when n % 100 = 0 then 'rare' else 'common' end::bytea app,
      case when n % 200 = 0 then 'large' else 'small' end::bytea model`;
    await database.query({
      name: '',
      text: `insert into conv (p, ${headColumns})
        select 1, 1, 1, 1, n, n, 1, n * 10, n * 10, n * 10, null, md5(n::text)::uuid, n::text::bytea,
          app, model, 'c', '', '', case when app = 'rare' and model = 'small' then 1 else 2 end
        from (select n, ${sets} from generate_series(1, ${rows}) n) s`,
    });
    await database.query({
      name: '',
      text: `insert into kind (p, kind, app, model, tok)
        values (1, 1, 'rare', 'small', 'c'), (1, 2, 'rare', 'large', 'c'), (1, 2, 'common', 'small', 'c')`,
    });
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });

  it.each(['nothing', 'all'])('read a page of each kind when the planner knows %s of them', async (known) => {
    if (known === 'all')
      for (const table of ['conv', 'kind']) await database.query({ name: '', text: `analyze ${table}` });
    const [least, most] = ['-9223372036854775808', '9223372036854775807'];
    const filters = [
      [{ application: 'common' }, 1, (n: number) => n % 100 > 0],
      [{ model: 'small', tokenizer: 'c' }, 2, (n: number) => n % 200 > 0],
      [{ application: 'rare', model: 'small' }, 1, (n: number) => n % 200 === 100],
      [{ application: 'rare', model: 'none' }, 0, () => false],
    ] as const;
    for (const mode of ['force_custom_plan', 'force_generic_plan'])
      for (const [filter, kinds, isFound] of filters)
        for (const descending of [true, false]) {
          const index = indexFor([], filter)!;
          const end = descending ? most : least;
          const values = [p, least, most, end, end, limit, ...index.values];
          const read = await readBy(database, 'conv', async (transaction) => {
            transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
            const statement = indexedRowsOf({ column: 'created', descending }, index);
            const found = (await transaction.query(statement, values)).map(({ id }) =>
              Number(bytes(id).toString()),
            );
            const wanted = Array.from({ length: rows }, (_, at) => at + 1).filter(isFound);
            expect(found).toEqual((descending ? wanted.reverse() : wanted).slice(0, limit));
          });
          // A page of each kind, and their rows; a hundredth of those of a number are of its other kind.
          expect(read, JSON.stringify(filter)).toBeLessThanOrEqual((2 * kinds + 1) * limit);
        }
  });

  it('read those of an application alone when they are few, to sort them', async () => {
    const index = indexFor([], { application: 'rare', model: 'small' })!;
    const [least, most] = ['-9223372036854775808', '9223372036854775807'];
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const read = await readBy(database, 'conv', async (transaction) => {
        transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
        const order = { column: 'updated', descending: true } as const;
        const values = [p, least, most, most, most, limit, ...index.values];
        expect(await transaction.query(sortedRowsOf(order, index), values)).toHaveLength(limit);
        expect(await transaction.query(countOf(index), [p, ...index.values])).toEqual([
          { n: String(rows / 200) },
        ]);
      });
      // Twice by the index, and their rows.
      expect(read).toBeLessThanOrEqual((3 * rows) / 200);
    }
  });
});

describe.skipIf(postgresMissing !== undefined)('statements by which a store checks what it goes by', () => {
  const schema = schemaName();
  const rows = 2_000;
  const uuidFor = (n: number) => headOf(createHash('md5').update(String(n)).digest('hex') as SegmentHash);
  let database: Database;
  const fill = [
    `insert into conv (p, ${headColumns}) select 1, 1, 1, 1, n, n, 1, n, n, n, null, md5(n::text)::uuid,
      n::text::bytea, 'a', 'b', 'c', '', '', 7 from generate_series(1, ${rows}) n`,
    `insert into hx (p, slot, k, tokens, h, r) select 1, n, 7, 3, md5(n::text)::uuid, md5(n::text)::uuid
      from generate_series(1, ${rows}) n`,
    `insert into prefix (p, n, g, idh, blocks) select 1, 0, md5('g')::uuid, md5(n::text)::uuid,
      decode(md5(n::text), 'hex') from generate_series(1, ${rows}) n`,
    `insert into req (p, at, rid, digest, result) select 1, n, md5(n::text)::uuid, md5('d')::uuid, ''
      from generate_series(1, ${rows}) n`,
    `insert into ref (p, slot, k, n) select 1, n, 7, 2 from generate_series(1, ${rows}) n`,
    'insert into gate (p, g9, ep) values (1, 5, 33)',
  ];
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    for (const text of fill) await database.query({ name: '', text });
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });

  const all = Array.from({ length: 40 }, (_, n) => uuidFor(n + 1));
  const kept = [p, all, all.map(() => '7'), all.map((_, n) => n + 1), all.length, 5];
  const [none, g] = [[uuidFor(-1), uuidFor(-2)], uuidFor(0)];
  const blocks = [Buffer.alloc(8), Buffer.alloc(8, 1)];
  const checks: [string, Statement, Value[], string, number][] = [
    ['a new id', requireNew, [p, none[0]!, []], 'conv', 0],
    ['new segments', requireNew, [p, none[0]!, none], 'hx', 0],
    ['a new request', requireUnasked, [p, none[0]!], 'req', 0],
    ['a new beginning', requireShared, [p, 0, g, ...blocks, ...blocks, 0, true], 'prefix', 0],
    ['segments seen under this gate', requireKept, [...kept, 33], 'hx', 0],
    ['segments seen under another gate', requireKept, [...kept, 32], 'hx', all.length],
    ['references of these segments', requireKept, [...kept, 32], 'ref', all.length],
  ];

  it.each(['nothing', 'all'])(
    'read their own rows alone when the planner knows %s of them',
    async (known) => {
      const tables = ['conv', 'hx', 'prefix', 'req', 'ref', 'gate'];
      if (known === 'all')
        for (const table of tables) await database.query({ name: '', text: `analyze ${table}` });
      for (const mode of ['force_custom_plan', 'force_generic_plan'])
        for (const [what, statement, values, table, most] of checks) {
          const read = await readBy(database, table, async (transaction) => {
            transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
            await transaction.query(statement, values);
          });
          expect(read, `${what}, ${mode}`).toBeLessThanOrEqual(most);
        }
    },
  );

  it('refuse a segment that is condemned, or gone, but under the gate under which it was seen', async () => {
    const refused = (clock: number) => database.query(requireKept, [...kept, clock]);
    await refused(32);
    await database.query({ name: '', text: 'update ref set condemned = 34 where p = 1 and slot = 3' });
    await expect(refused(32)).rejects.toMatchObject({ code: '22012' });
    await refused(33);
    await database.query({ name: '', text: 'update ref set condemned = null where p = 1 and slot = 3' });
    await database.query({ name: '', text: 'delete from hx where p = 1 and slot = 4' });
    await expect(refused(32)).rejects.toMatchObject({ code: '22012' });
  });
});

describe.skipIf(postgresMissing !== undefined)('statements about many keys', () => {
  const schema = schemaName();
  const [rows, asked] = [20_000, 100] as const;
  let database: Database;
  const fill = [
    `insert into ref (p, slot, k, n, tokens, bytes, since)
      select 1, n, n / 4, n % 2, 1, 1, case when n % 2 = 0 then 5 end from generate_series(1, ${rows}) n`,
    `insert into hx (p, slot, k, tokens, h, r) select 1, n, 7, 3, md5(n::text)::uuid, md5(n::text)::uuid
      from generate_series(1, ${rows}) n`,
    `insert into prefix (p, n, g, idh, blocks) select 1, 0, md5('g')::uuid, md5(n::text)::uuid, ''
      from generate_series(1, ${rows}) n`,
    // Each list has two parts.
    `insert into part (p, n, m0, msgs, k, c, t0, toks, list, dir, data)
      select 1, n % 2, 0, 1, n, n / 2 * 2, 0, 1, '', '', '' from generate_series(1, ${rows}) n`,
  ];
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    for (const text of fill) await database.query({ name: '', text });
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });

  const numbers = Array.from({ length: asked }, (_, at) => 100 * (at + 1));
  const places = numbers.map((n) => ({ k: String(n / 4), slot: n }));
  const [ks, slots] = [places.map(({ k }) => k), numbers];
  const heads = numbers.map((n) => headOf(createHash('md5').update(String(n)).digest('hex') as SegmentHash));
  const ofStatement = (statement: Statement, ...values: Value[]) => {
    return (transaction: Transaction) => transaction.query(statement, [p, ...values]);
  };
  const hashes = heads.map((head, at) => ({
    hash: `${head.replaceAll('-', '')}${'0'.repeat(32)}` as SegmentHash,
    ...{ k: '7', slot: numbers[at]! },
  }));
  const works: [string, string, (transaction: Transaction) => Promise<unknown>, number][] = [
    ['counts', 'ref', (transaction) => countsOf(transaction, p, places), asked],
    ['garbage to condemn', 'ref', ofStatement(condemnSegments, 9, ks, slots, 99), asked],
    ['segments to revive', 'ref', ofStatement(reviveSegments, ks, slots), asked],
    ['garbage to bury', 'ref', ofStatement(lockCondemned, ks, slots, 99, 99), asked],
    ['counts of what is gone', 'ref', ofStatement(deleteCounts, ks, slots), asked],
    ['entries by hash', 'hx', (transaction) => removeHashes(transaction, p, hashes), asked],
    ['beginnings', 'prefix', ofStatement(deleteChunks, heads), asked],
    ['packs', 'part', ofStatement(readPacks, slots), asked],
    ['packs to change', 'part', ofStatement(lockPacks, slots), asked],
    ['lists that are gone', 'part', ofStatement(readGoneParts, slots), 2 * asked],
  ];

  it.each(['no row', 'all rows'])(
    'read the rows of these keys alone when the planner saw %s of the table',
    async (seen) => {
      const tables = ['ref', 'hx', 'prefix', 'part'];
      if (seen === 'all rows')
        for (const table of tables) await database.query({ name: '', text: `analyze ${table}` });
      for (const [what, table, work, most] of works)
        expect(await readBy(database, table, work), what).toBeLessThanOrEqual(most);
    },
  );

  it('read no more in a partition that the planner has not seen beside others', async () => {
    for (const table of ['ref', 'hx', 'prefix', 'part']) {
      await database.query({ name: '', text: `analyze ${table}` });
      await database.query({ name: '', text: `update ${table} set p = 2` });
    }
    const other = (values: readonly Value[]): Value[] => [2, ...values.slice(1)];
    const packs = await readBy(database, 'part', (transaction) =>
      transaction.query(readPacks, other([p, slots])),
    );
    expect(packs).toBeLessThanOrEqual(asked);
    const counts = await readBy(database, 'ref', (transaction) => countsOf(transaction, 2, places));
    expect(counts).toBeLessThanOrEqual(asked);
  });
});
