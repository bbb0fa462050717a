import { describe, expect, it } from 'vitest';
import { bytes } from '../../../src/storage/postgres/database/driver.js';
import { headColumns } from '../../../src/storage/postgres/formats/head.js';
import {
  countOf,
  indexedRowsOf,
  indexFor,
  rowsOf,
  sortedRowsOf,
} from '../../../src/storage/postgres/read/list-indexes.js';
import { postgresMissing } from '../../support/postgres.js';
import { analyze, p, planModes, readBy, tablesWith } from './plans.js';

/** Rows of each partition, and rows of a page. */
const [rows, limit] = [20_000, 51] as const;
const [least, most] = ['-9223372036854775808', '9223372036854775807'];

describe.skipIf(postgresMissing !== undefined)('lists by a time', () => {
  // None were changed in partition 1, every second one in 2, all in 3.
  const database = tablesWith([
    `insert into conv (p, ${headColumns})
      select p, 1, 1, 1, n, n, 1, n * 10, n * 10,
        n * 10 + case when p = 3 or (p = 2 and n % 2 = 0) then 5 else 0 end, null,
        md5(n::text)::uuid, n::text::bytea, 'a', 'b', 'c', '', '', 0
      from generate_series(1, 3) p, generate_series(1, ${rows}) n`,
  ]);

  it.each(['nothing', 'all'])(
    'read a page of either kind when the planner knows %s of them',
    async (known) => {
      if (known === 'all') await analyze(database(), 'conv');
      for (const mode of planModes)
        for (const column of ['created', 'stored', 'updated'] as const)
          for (const descending of [true, false])
            for (const p of [1, 2, 3]) {
              const end = descending ? most : least;
              const values = [p, least, most, end, end, limit];
              const read = await readBy(
                database(),
                'conv',
                async (transaction) => {
                  const found = await transaction.query(rowsOf({ column, descending }), values);
                  const ids = found.map(({ id }) => Number(bytes(id).toString()));
                  const first = descending ? rows - limit + 1 : 1;
                  const wanted = Array.from({ length: limit }, (_, at) => first + at);
                  expect(ids).toEqual(descending ? wanted.reverse() : wanted);
                },
                mode,
              );
              expect(read, `${column} of partition ${p}`).toBeLessThanOrEqual(2 * limit);
            }
    },
  );
});

describe.skipIf(postgresMissing !== undefined)('lists by fields', () => {
  // One application has a hundredth of them, with two models. Two kinds share a number.
  const sets = `case when n % 100 = 0 then 'rare' else 'common' end::bytea app,
    case when n % 200 = 0 then 'large' else 'small' end::bytea model`;
  const database = tablesWith([
    `insert into conv (p, ${headColumns})
      select 1, 1, 1, 1, n, n, 1, n * 10, n * 10, n * 10, null, md5(n::text)::uuid, n::text::bytea,
        app, model, 'c', '', '', case when app = 'rare' and model = 'small' then 1 else 2 end
      from (select n, ${sets} from generate_series(1, ${rows}) n) s`,
    `insert into kind (p, kind, app, model, tok)
      values (1, 1, 'rare', 'small', 'c'), (1, 2, 'rare', 'large', 'c'), (1, 2, 'common', 'small', 'c')`,
  ]);

  it.each(['nothing', 'all'])('read a page of each kind when the planner knows %s of them', async (known) => {
    if (known === 'all') await analyze(database(), 'conv', 'kind');
    const filters = [
      [{ application: 'common' }, 1, (n: number) => n % 100 > 0],
      [{ model: 'small', tokenizer: 'c' }, 2, (n: number) => n % 200 > 0],
      [{ application: 'rare', model: 'small' }, 1, (n: number) => n % 200 === 100],
      [{ application: 'rare', model: 'none' }, 0, () => false],
    ] as const;
    for (const mode of planModes)
      for (const [filter, kinds, isFound] of filters)
        for (const descending of [true, false]) {
          const index = indexFor([], filter)!;
          const end = descending ? most : least;
          const values = [p, least, most, end, end, limit, ...index.values];
          const read = await readBy(
            database(),
            'conv',
            async (transaction) => {
              const statement = indexedRowsOf({ column: 'created', descending }, index);
              const found = (await transaction.query(statement, values)).map(({ id }) =>
                Number(bytes(id).toString()),
              );
              const wanted = Array.from({ length: rows }, (_, at) => at + 1).filter(isFound);
              expect(found).toEqual((descending ? wanted.reverse() : wanted).slice(0, limit));
            },
            mode,
          );
          // A page of each kind, and their rows; a hundredth of those of a number are of its other kind.
          expect(read, JSON.stringify(filter)).toBeLessThanOrEqual((2 * kinds + 1) * limit);
        }
  });

  it('read those of an application alone when they are few, to sort them', async () => {
    const index = indexFor([], { application: 'rare', model: 'small' })!;
    for (const mode of planModes) {
      const read = await readBy(
        database(),
        'conv',
        async (transaction) => {
          const order = { column: 'updated', descending: true } as const;
          const values = [p, least, most, most, most, limit, ...index.values];
          expect(await transaction.query(sortedRowsOf(order, index), values)).toHaveLength(limit);
          expect(await transaction.query(countOf(index), [p, ...index.values])).toEqual([
            { n: String(rows / 200) },
          ]);
        },
        mode,
      );
      // Twice by the index, and their rows.
      expect(read).toBeLessThanOrEqual((3 * rows) / 200);
    }
  });
});
