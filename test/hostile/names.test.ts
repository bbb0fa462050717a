import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { ownTables, postgresMissing } from '../support/postgres-vault.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

const main = createRequire(import.meta.url).resolve('#build/programs/main.js');

/** Texts that mean something to file systems, shells, databases, terminals, JavaScript, logs or Unicode. */
const texts: readonly string[] = [
  '../../../outside',
  '/outside',
  '..\\..\\outside',
  'outside/../../outside',
  '.',
  '..',
  'nul\u0000byte',
  '$(touch outside)',
  '`touch outside`',
  '; touch outside #',
  '| touch outside',
  '-rf',
  '--help',
  "'; DROP TABLE conversations; --",
  '" OR 1=1 --',
  '%s%n%x',
  '{{7*7}}${7*7}',
  '\u001b[2J\u001b]0;owned\u0007',
  'line\r\nlevel=50 msg="forged"',
  '\u202etxt.exe',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'CON',
  'default',
  'e\u0301',
  '\u00e9',
  '\ufeffbom',
  '😀'.repeat(20),
];

/** The client refuses this one as a key of metadata, because protobufjs would lose it. */
const keyOf = (text: string) => (text === '__proto__' ? 'proto' : text.slice(0, 30));

const kinds = ['lmdb', 'filesystem', ...(postgresMissing === undefined ? ['postgres'] : [])];

describe.each(kinds)('names that mean something elsewhere, to %s', (kind) => {
  const inFolder = kind !== 'postgres';
  let folder: string;
  let server: StowkenProcess;
  let client: StowkenClient;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stowken-names-'));
    mkdirSync(join(folder, 'in'));
    const data = ['--data', join(folder, 'in', 'data')];
    server = await startStowken(...(inFolder ? data : []), '--storage', inFolder ? kind : await ownTables());
    client = connect({ server: server.address });
  });
  afterAll(async () => {
    client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
    rmSync(folder, { recursive: true });
  });

  const list = async (filter = {}) => {
    const found = [];
    for await (const each of client.list({ filter })) found.push(each);
    return found;
  };

  it('are kept as they are, find what they name, and nothing else', async () => {
    for (const [n, text] of texts.entries()) {
      const conversation = {
        id: text,
        application: text.slice(0, 30),
        model: text.slice(0, 30),
        metadata: { [keyOf(text)]: text, plain: String(n) },
      };
      await client.store({
        conversation,
        messages: [
          { role: 'tool', name: text.slice(0, 30), toolCallId: text.slice(0, 30), tokens: [n, n + 1] },
        ],
        requestId: text,
      });
      const found = await client.get(text, { includeMessages: true });
      expect(found.conversation).toMatchObject({ ...conversation, metadata: {} });
      expect(Object.entries(found.conversation.metadata).sort()).toEqual(
        Object.entries(conversation.metadata).sort(),
      );
    }
    expect((await list()).map(({ id }) => id).sort()).toEqual([...texts].sort());
    for (const [n, text] of texts.entries()) {
      const named = await list({ application: text.slice(0, 30) });
      expect(named.map(({ id }) => id)).toEqual([text]);
      expect((await list({ metadata: { plain: String(n) } })).map(({ id }) => id)).toEqual([text]);
      const metadata = { [keyOf(text)]: text };
      expect((await list({ metadata })).map(({ id }) => id)).toEqual([text]);
    }
    expect(({} as Record<string, unknown>)['plain']).toBeUndefined();
  });

  it('as holders of segments, vaults and hashes are kept or refused in words', async () => {
    const [put] = await client.segments.put([Uint32Array.of(1, 2, 3)]);
    const hash = (put as { hash: string }).hash;
    for (const holder of texts) {
      expect(await client.segments.addReferences([{ hash, holder }])).toMatchObject([{ kind: 'done' }]);
      await expect(client.segments.has([holder])).rejects.toMatchObject({ code: 3 });
      const made = await client.admin.createVault(holder).catch((error: unknown) => error);
      if (!/^[a-z0-9_-]{1,63}$/.test(holder) || holder === 'default') {
        expect(isClientError(made)).toBe(true);
        continue;
      }
      // Names such as "-rf" and "__proto__" are names like others.
      const vault = connect({ server: server.address, vault: holder });
      await vault.store({ conversation: { id: 'c' }, messages: [{ role: 'user', tokens: [7] }] });
      expect(await vault.stats()).toMatchObject({ conversations: 1 });
      expect(await client.health({ vault: holder })).toBe('serving');
      await client.admin.deleteVault(holder);
      await expect(vault.stats()).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
      vault.close();
    }
    for (const holder of texts)
      expect(await client.segments.removeReferences([{ hash, holder }])).toMatchObject([{ kind: 'done' }]);
  });

  it('reach no terminal, and no file outside of the data folder', async () => {
    const run = promisify(execFile);
    for (const command of [['list'], ['list', '--json'], ['get', '\u001b[2J\u001b]0;owned\u0007']]) {
      const { stdout, stderr } = await run(process.execPath, [main, ...command, '--server', server.address]);

      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    }
    for (const text of texts) await client.delete(text);
    expect(await list()).toEqual([]);
    expect(readdirSync(folder)).toEqual(['in']);
    expect(readdirSync(join(folder, 'in'))).toEqual(inFolder ? ['data'] : []);
    const parts = [];
    for await (const part of client.verify()) parts.push(part);
    expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
  });
});
