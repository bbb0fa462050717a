import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { migratePostgres, openPostgresBackend } from '../../../src/storage/index.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { fieldIndexes } from '../../../src/storage/postgres/schema/fields.js';
import { gateNumber } from '../../../src/storage/postgres/schema/kinds.js';
import { core, segment, storing } from '../../contract/support.js';
import { stowken } from '../../cli/support/stowken.js';
import { postgresMissing, testDatabase } from '../../support/postgres.js';

describe.skipIf(postgresMissing !== undefined)('tables of vaults', () => {
  const newSchema = () => `test_${randomUUID().replaceAll('-', '')}`;
  const open = (url: string, schema?: string) =>
    openPostgresBackend({
      ...{ url, codec: createLiveCodec(core), clock: Date.now },
      ...(schema !== undefined && { schema }),
    });
  const drop = async (url: string, schema: string) => {
    const database = await Database.open({ url, schema });
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  };

  it('are made once, however many make them, and what is newer is refused', async () => {
    const [url, schema] = [await testDatabase(), newSchema()];
    await expect(open(url, schema)).rejects.toMatchObject({
      reason: 'STORE_VERSION',
      message: expect.stringContaining('run stowken migrate') as string,
    });
    const runs = await Promise.all(Array.from({ length: 4 }, () => migratePostgres({ url, schema })));
    expect(runs.map(({ from }) => from).sort()).toEqual([0, 10, 10, 10]);
    const backend = await open(url, schema);
    await backend.commit(storing('c', [segment(1)]));
    await backend.close();
    expect(await migratePostgres({ url, schema })).toMatchObject({ from: 10, to: 10, partitions: 1 });
    const again = await open(url, schema);
    expect(await again.getConversation('c')).toMatchObject({ revision: 1 });
    await again.close();
    const database = await Database.open({ url, schema });
    await database.query({ name: '', text: 'insert into migration (n, at) values (99, now())' });
    await database.close();
    await expect(open(url, schema)).rejects.toMatchObject({ reason: 'STORE_VERSION' });
    await expect(migratePostgres({ url, schema })).rejects.toMatchObject({ reason: 'STORE_VERSION' });
    await drop(url, schema);
  });

  it('wait until servers of before are stopped, which cannot go on in later ones', async () => {
    const [url, schema] = [await testDatabase(), newSchema()];
    await migratePostgres({ url, schema });
    const server = await open(url, schema);
    await server.commit(storing('c', [segment(1)]));
    const database = await Database.open({ url, schema });
    // The tables as they were before version 9.
    const before = [
      ...['drop table kind', 'drop index conv_kind', 'alter table conv drop column kind'],
      ...fieldIndexes.filter((text) => !text.includes('conv_parent')),
      `alter table gate rename column ${gateNumber} to g8`,
      'delete from migration where n >= 9',
    ];
    for (const text of before) await database.query({ name: '', text });
    await expect(migratePostgres({ url, schema })).rejects.toMatchObject({
      reason: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('servers have vaults open in tables of version 8') as string,
    });
    await server.close();
    expect(await migratePostgres({ url, schema })).toMatchObject({ from: 8, to: 10 });
    await database.close();
    const again = await open(url, schema);
    expect(await again.check()).toEqual([]);
    await again.close();
    await drop(url, schema);
  });

  it('that a user may not use are no tables that are not there', async () => {
    const [url, schema] = [await testDatabase(), newSchema()];
    await migratePostgres({ url, schema });
    const database = await Database.open({ url, schema });
    const ask = (text: string) => database.query({ name: '', text });
    const stranger = new URL(url);
    stranger.username = schema;
    stranger.password = 'p';
    const refused = async (cause: string) =>
      expect(open(stranger.toString(), schema)).rejects.toMatchObject({
        reason: 'STORAGE_UNAVAILABLE',
        message: expect.stringContaining(cause) as string,
      });
    await refused('cannot be reached: role');
    await ask(`create role ${schema} login password 'p'`);
    await refused(`the user has no right to use the schema ${schema}`);
    await ask(`grant usage on schema ${schema} to ${schema}`);
    await refused('the user has no right to read its tables');
    await ask(`grant select on all tables in schema ${schema} to ${schema}`);
    await refused('the user may not select, insert, update and delete in its tables');
    await ask(`grant insert, update, delete on all tables in schema ${schema} to ${schema}`);
    await (await open(stranger.toString(), schema)).close();
    await database.close();
    await drop(url, schema);
  });

  it('are made by a command', async () => {
    const [url, schema] = [await testDatabase(), newSchema()];
    const made = await stowken(['migrate', '--storage', url, '--schema', schema, '--json']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const kind = { partitions: 1, distributed: false };
    expect(JSON.parse(made.stdout)).toEqual({ schema, from: 0, to: 10, ...kind });
    const again = await stowken(['migrate', '--storage', url, '--schema', schema]);
    expect(again.stdout).toBe(`the tables in schema ${schema} are of version 10 already\n`);
    await drop(url, schema);
  });

  it('are made in the schema of the URL, where servers look for them', async () => {
    const [url, schema] = [new URL(await testDatabase()), newSchema()];
    url.searchParams.set('schema', schema);
    const made = await stowken(['migrate', '--storage', url.toString()]);
    expect(made.stdout).toBe(`the tables in schema ${schema} are of version 10 now\n`);
    const backend = await open(url.toString());
    await backend.close();
    await drop(await testDatabase(), schema);
  });

  it('that cannot be made are an error in words', async () => {
    expect(await stowken(['migrate', '--storage', 'lmdb'])).toMatchObject({ code: 2 });
    const url = await testDatabase();
    const wrong = await stowken(['migrate', '--storage', url, '--schema', 'No Schema']);
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is no name of a schema') as string,
    });
    const nowhere = await stowken(['migrate', '--storage', 'postgres://nobody@127.0.0.1:1/none']);
    expect(nowhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be reached') as string,
    });
  });
});
