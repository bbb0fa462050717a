import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SegmentHash } from '../../../src/model/index.js';
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
import { int, type Statement, type Value } from '../../../src/storage/postgres/database/driver.js';
import type { Transaction } from '../../../src/storage/postgres/database/transaction.js';
import { headColumns } from '../../../src/storage/postgres/formats/head.js';
import { headOf, restOf } from '../../../src/storage/postgres/formats/ids.js';
import { readPacks } from '../../../src/storage/postgres/read/frames.js';
import { chunkEntriesMax } from '../../../src/storage/postgres/schema/chunks.js';
import { postgresMissing } from '../../support/postgres.js';
import { analyze, p, planModes, readBy, tablesWith } from './plans.js';

/** Segments of the index, all of them in chunks, and those that a statement asks for. */
const [segments, asked] = [30_000, 200] as const;

describe.skipIf(postgresMissing !== undefined)('statements about the index by hash', () => {
  const entries = Array.from({ length: segments }, (_, slot) => ({
    hash: createHash('sha256').update(String(slot)).digest('hex') as SegmentHash,
    k: '7',
    slot,
  })).sort((one, other) => (one.hash < other.hash ? -1 : 1));
  let left = segments;
  const chunks = `insert into hc (p, h, hs, rs, ks, slots, tokens)
    select $1::int, (array_agg(u.h order by u.h))[1], array_agg(u.h order by u.h), array_agg(u.r order by u.h),
      array_agg(7::int8), array_agg(u.slot order by u.h), array_agg(3)
    from unnest($2::uuid[], $3::uuid[], $4::int4[], $5::int4[]) u(h, r, slot, chunk) group by u.chunk`;
  const database = tablesWith([
    [
      chunks,
      [
        ...[p, entries.map(({ hash }) => headOf(hash)), entries.map(({ hash }) => restOf(hash))],
        ...[entries.map(({ slot }) => slot), entries.map((_, at) => Math.floor(at / chunkEntriesMax))],
      ],
    ],
  ]);

  it.each([
    ['nothing', 0],
    ['all', 1],
  ])('read the chunks of what they ask for alone, when the planner knows %s of them', async (_, first) => {
    if (first > 0) await analyze(database(), 'hc');
    const some = entries.filter((_, at) => at % (segments / asked) === first);
    const heads = some.map(({ hash }) => headOf(hash));
    const columns = [heads, some.map(({ k }) => k), some.map(({ slot }) => slot)];
    for (const mode of planModes) {
      const read = await readBy(
        database(),
        'hc',
        async (transaction) => {
          const found = placesFrom(await transaction.query(findByHash, [p, heads]));
          expect([...found.keys()].sort()).toEqual(some.map(({ hash }) => hash));
        },
        mode,
      );
      // The chunk's key, and the chunk.
      expect(read).toBeLessThanOrEqual(2 * asked);
      const required = await readBy(
        database(),
        'hc',
        async (transaction) => {
          await transaction.query(requireStored, [p, ...columns, asked]);
        },
        mode,
      );
      expect(required).toBeLessThanOrEqual(4 * asked);
    }
    const removed = await readBy(database(), 'hc', (transaction) => removeHashes(transaction, p, some));
    // Each chunk's key twice, the chunk, and its change.
    expect(removed).toBeLessThanOrEqual(4 * asked);
    left -= asked;
    const count = { name: '', text: 'select sum(cardinality(hs)) n from hc where p = $1' };
    const [row] = await database().query(count, [p]);
    expect(int(row?.['n'])).toBe(left);
    expect(await database().query(findByHash, [p, heads])).toEqual([]);
  });
});

describe.skipIf(postgresMissing !== undefined)('statements by which a store checks what it goes by', () => {
  const rows = 2_000;
  const uuidFor = (n: number) => headOf(createHash('md5').update(String(n)).digest('hex') as SegmentHash);
  const database = tablesWith([
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
  ]);

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
      if (known === 'all') await analyze(database(), ...tables);
      for (const mode of planModes)
        for (const [what, statement, values, table, most] of checks) {
          const read = await readBy(
            database(),
            table,
            async (transaction) => {
              await transaction.query(statement, values);
            },
            mode,
          );
          expect(read, `${what}, ${mode}`).toBeLessThanOrEqual(most);
        }
    },
  );

  it('refuse a segment that is condemned, or gone, but under the gate under which it was seen', async () => {
    const refused = (clock: number) => database().query(requireKept, [...kept, clock]);
    await refused(32);
    await database().query({ name: '', text: 'update ref set condemned = 34 where p = 1 and slot = 3' });
    await expect(refused(32)).rejects.toMatchObject({ code: '22012' });
    await refused(33);
    await database().query({ name: '', text: 'update ref set condemned = null where p = 1 and slot = 3' });
    await database().query({ name: '', text: 'delete from hx where p = 1 and slot = 4' });
    await expect(refused(32)).rejects.toMatchObject({ code: '22012' });
  });
});

describe.skipIf(postgresMissing !== undefined)('statements about many keys', () => {
  const [rows, asked] = [20_000, 100] as const;
  const database = tablesWith([
    `insert into ref (p, slot, k, n, tokens, bytes, since)
      select 1, n, n / 4, n % 2, 1, 1, case when n % 2 = 0 then 5 end from generate_series(1, ${rows}) n`,
    `insert into hx (p, slot, k, tokens, h, r) select 1, n, 7, 3, md5(n::text)::uuid, md5(n::text)::uuid
      from generate_series(1, ${rows}) n`,
    `insert into prefix (p, n, g, idh, blocks) select 1, 0, md5('g')::uuid, md5(n::text)::uuid, ''
      from generate_series(1, ${rows}) n`,
    // Each list has two parts.
    `insert into part (p, n, m0, msgs, k, c, t0, toks, list, dir, data)
      select 1, n % 2, 0, 1, n, n / 2 * 2, 0, 1, '', '', '' from generate_series(1, ${rows}) n`,
  ]);

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
      if (seen === 'all rows') await analyze(database(), ...tables);
      for (const [what, table, work, most] of works)
        expect(await readBy(database(), table, work), what).toBeLessThanOrEqual(most);
    },
  );

  it('read no more in a partition that the planner has not seen beside others', async () => {
    for (const table of ['ref', 'hx', 'prefix', 'part']) {
      await database().query({ name: '', text: `analyze ${table}` });
      await database().query({ name: '', text: `update ${table} set p = 2` });
    }
    const other = (values: readonly Value[]): Value[] => [2, ...values.slice(1)];
    const packs = await readBy(database(), 'part', (transaction) =>
      transaction.query(readPacks, other([p, slots])),
    );
    expect(packs).toBeLessThanOrEqual(asked);
    const counts = await readBy(database(), 'ref', (transaction) => countsOf(transaction, 2, places));
    expect(counts).toBeLessThanOrEqual(asked);
  });
});
