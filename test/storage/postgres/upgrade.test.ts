import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import {
  type ConversationFilter,
  type ListOrder,
  migratePostgres,
  openPostgresBackend,
} from '../../../src/storage/index.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { kindOf } from '../../../src/storage/postgres/formats/kind.js';
import { chunkOptions, chunkTables } from '../../../src/storage/postgres/schema/chunks.js';
import { fieldIndexes } from '../../../src/storage/postgres/schema/fields.js';
import { first, firstOptions } from '../../../src/storage/postgres/schema/first.js';
import { layout } from '../../../src/storage/postgres/schema/layout.js';
import { prefixTables } from '../../../src/storage/postgres/schema/prefix.js';
import { tagTables } from '../../../src/storage/postgres/schema/tags.js';
import { gateNumber, kindOptions, kindRows, kindTables } from '../../../src/storage/postgres/schema/kinds.js';
import { timeIndexes } from '../../../src/storage/postgres/schema/times.js';
import { usageTables } from '../../../src/storage/postgres/schema/usage.js';
import { core, segment, storing } from '../../contract/support.js';
import { postgresMissing, testDatabase } from '../../support/postgres.js';

const golden = resolve(import.meta.dirname, '../../golden/postgres-v7.sql');

/** Migrations after version 7, and the column of the gate that changes of a version name. */
const versions = [
  { version: 7, later: [], gate: 'g' },
  { version: 8, later: timeIndexes, gate: 'g8' },
  {
    version: 9,
    later: [
      ...[timeIndexes, kindTables, kindOptions, kindRows].flat(),
      // Garbage of before that was named again kept a time.
      'update ref set since = 5, tokens = 7, bytes = 7 where n > 0',
    ],
    gate: undefined,
  },
] as const;

describe.skipIf(postgresMissing !== undefined).each(versions)('tables of version $version', (of) => {
  const { version, later, gate } = of;
  let url: string;
  let schema: string;
  let database: Database;
  const ask = (text: string) => database.query({ name: '', text });
  const open = () => openPostgresBackend({ url, schema, codec: createLiveCodec(core), clock: Date.now });
  beforeEach(async () => {
    [url, schema] = [await testDatabase(), `test_${randomUUID().replaceAll('-', '')}`];
    database = await Database.open({ url, schema, connectionsMax: 2 });
    const tables = [first, firstOptions, layout, usageTables, tagTables, prefixTables, fieldIndexes];
    await ask(`create schema ${schema}`);
    for (const text of [...tables, chunkTables, chunkOptions].flat()) await ask(text);
    await ask('create table migration (n int not null primary key, at timestamptz not null)');
    await ask(`insert into migration (n, at) select n, now() from generate_series(0, ${version}) n`);
    await ask('insert into layout (id, partitions) values (1, 1)');
    await ask('insert into gate (p, g, ep) select 1, g, 1 from generate_series(0, 63) g');
    for (const line of readFileSync(golden, 'utf8').split('\n'))
      if (line.startsWith('INSERT')) await ask(line);
    for (const text of later) await ask(text);
  });
  afterEach(async () => {
    await ask(`drop schema ${schema} cascade`);
    await database.close();
  });

  it('are refused until they are migrated, and have all that they had', async () => {
    await expect(open()).rejects.toMatchObject({ reason: 'STORE_VERSION' });
    expect(await migratePostgres({ url, schema })).toMatchObject({ from: version, to: 10 });
    const backend = await open();
    const idsBy = async (order: ListOrder, filter: ConversationFilter = {}) => {
      const { conversations } = await backend.listConversations({
        ...{ filter, order, limit: 100, scanLimit: 100 },
      });
      return conversations.map(({ id }) => id);
    };
    const created = ['dated', 'c0', 'c1', 'c2', 'c3', 'c5', 'forked'];
    const updated = ['c0', 'c3', 'c5', 'c1', 'c2', 'dated', 'forked'];
    expect(await idsBy('oldestFirst')).toEqual(created);
    expect(await idsBy('newestFirst')).toEqual(created.toReversed());
    const { conversations: all } = await backend.listConversations({
      ...{ filter: {}, order: 'latestUpdateFirst', limit: 100, scanLimit: 100 },
    });
    for (const { application, model, tokenizer } of all) {
      const alike = all.filter((each) => each.application === application && each.model === model);
      expect(await idsBy('latestUpdateFirst', { application, model })).toEqual(alike.map(({ id }) => id));
      const ofOne = all.filter((each) => each.tokenizer === tokenizer).map(({ id }) => id);
      expect(await idsBy('newestFirst', { tokenizer })).toEqual(
        created.filter((id) => ofOne.includes(id)).toReversed(),
      );
    }
    expect(await idsBy('earliestStoreFirst')).toEqual(['c0', 'c1', 'c2', 'c3', 'c5', 'dated', 'forked']);
    expect(await idsBy('earliestUpdateFirst')).toEqual(updated);
    expect(await idsBy('latestUpdateFirst')).toEqual(updated.toReversed());
    expect(await backend.stats()).toMatchObject({ conversations: 7, segments: 16, garbageSegments: 2 });
    expect(await backend.check()).toEqual([]);
    // Their kinds have the numbers that those of later ones have.
    const kinds = (await ask('select distinct kind from conv')).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(all.map(kindOf)));
    // Garbage of before is collected, and segments that were in use may become garbage.
    const { segments } = await backend.listGarbage({ limit: 10, garbageBeforeMs: Infinity });
    const keys = segments.map(({ key }) => key);
    const { collect } = await backend.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect).toMatchObject({ segments: 2 });
    for (const id of created) await backend.commit({ delete: { id, timeMs: 9e12 } });
    expect(await backend.stats()).toMatchObject({ conversations: 0, garbageSegments: 14 });
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });

  it('have changes of a server that started while they were migrated if it knows them', async () => {
    await migratePostgres({ url, schema });
    // The first statement of every change of these versions that names segments. Servers of version 9
    // may go on.
    const column = gate ?? gateNumber;
    const held = `select ${column} from gate where p = $1 and ${column} = $2 for share`;
    const asked = database.query({ name: '', text: held }, [1, 0]);
    if (gate === undefined) expect(await asked).toHaveLength(1);
    else await expect(asked).rejects.toMatchObject({ code: '42703' });
  });

  it('say so to a server of theirs when a later version has migrated them', async () => {
    await migratePostgres({ url, schema });
    const backend = await open();
    await ask(`alter table gate rename column ${gateNumber} to g11`);
    await ask('insert into migration (n, at) values (11, now())');
    const changes = [
      storing('new', [segment(1)]),
      { delete: { id: 'c0', timeMs: 9e12 } },
      { collect: { keys: [], garbageBeforeMs: Infinity } },
    ];
    for (const change of changes)
      await expect(backend.commit(change)).rejects.toMatchObject({
        reason: 'STORE_VERSION',
        message: expect.stringContaining('the database has tables of version 11') as string,
      });
    expect(await backend.getConversation('new')).toBeUndefined();
    expect(await backend.getConversation('c0')).toMatchObject({ revision: 1 });
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });
});
