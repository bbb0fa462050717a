import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import { codec, longSegment, storing } from '../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../storage/faults/support.js';
import { stowken } from './support/stowken.js';

const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
const run = promisify(execFile);

let folder: TemporaryFolder;
let vault: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  vault = join(folder.path, 'vault');
  const backend = await openLmdbBackend({ folder: vault, codec, clock: () => 1_000 });
  for (let n = 0; n < 30; n++) await backend.commit(storing(`c${n}`, [longSegment(50, n)]));
  expect(await backend.check()).toEqual([]);
  await backend.close();
});
afterEach(() => folder.remove());

async function damage(at: number): Promise<void> {
  const file = await open(join(vault, 'vault.mdb'), 'r+');
  await file.write(Buffer.alloc(100, 0xa5), 0, 100, at);
  await file.close();
}

it('a damaged vault ends the server with an exit code of its own and the command, which makes a whole one', async () => {
  await damage(0);
  await damage(4096);
  const before = await readFile(join(vault, 'vault.mdb'));
  const refused = await run(process.execPath, [
    command,
    'serve',
    '--data',
    vault,
    '--listen',
    '127.0.0.1:0',
  ]).catch((error: unknown) => error as { code: number; stderr: string });
  expect(refused).toMatchObject({ code: 78 });
  expect(refused.stderr).toContain(`stowken salvage ${vault} --to NEW`);
  const to = join(folder.path, 'new');
  const { code, stdout, stderr } = await stowken(['salvage', vault, '--to', to, '--json']);
  expect(stderr).toMatch(/^damaged: page 0: /m);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ data: to, complete: false, conversations: 30, violations: [] });
  expect(await readFile(join(vault, 'vault.mdb'))).toEqual(before);
  const backend = await openLmdbBackend({ folder: to, codec, clock: () => 1_000 });
  expect(await backend.getConversation('c29')).toMatchObject({ revision: 1, createTimeMs: 1_000 });
  expect(await backend.check()).toEqual([]);
  await backend.close();
});

it('a vault whose pages are whole and whose records are not is refused with the command too', async () => {
  const file = join(vault, 'vault.mdb');
  const bytes = await readFile(file);
  const [, text] = /^id (.+)$/m.exec(await readFile(join(vault, 'VAULT'), 'utf8'))!;
  const vaultId = Buffer.from(text!, 'hex');
  let flips = 0;
  for (let at = bytes.indexOf(vaultId); at >= 0; at = bytes.indexOf(vaultId, at + 1)) {
    bytes[at]! ^= 1;
    flips += 1;
  }
  expect(flips).toBeGreaterThan(0);
  await writeFile(file, bytes);
  const opened = openLmdbBackend({ folder: vault, codec, clock: () => 1_000 });
  const command = `stowken salvage ${vault} --to NEW`;
  await expect(opened).rejects.toMatchObject({
    reason: 'CORRUPT_STORE',
    message: expect.stringMatching(`checksum.* to a new vault: ${command}$`) as string,
    metadata: { table: 'meta', command },
  });
  expect(await readFile(file)).toEqual(bytes);
});

it('a whole vault is copied with nothing lost, exit code 0', async () => {
  const { code, stdout, stderr } = await stowken(['salvage', vault, '--to', join(folder.path, 'new')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^salvaged 30 conversations, 30 messages, 30 segments to .*: nothing was lost\n$/);
});

it('keeps vocabularies of tokenizers, and create times that conversations have of their own', async () => {
  const open = (folder: string) => openLmdbBackend({ folder, codec, clock: () => 1_000 });
  const before = await open(vault);
  const words = Buffer.from('the vocabulary of a tokenizer'.repeat(100));
  const hash = createHash('sha256').update(words).digest();
  const packed = brotliCompressSync(Buffer.concat([words, hash]));
  const kept = { sha256: hash.toString('hex'), packed };
  await before.commit({ putTokenizer: { name: 'mine', ...kept } });
  for (const [id, createTimeMs] of [
    ['newer', 700],
    ['older', 300],
  ] as const) {
    const change = storing(id, [longSegment(50, 77)]);
    await before.commit({ ...change, put: { ...change.put!, spec: { ...change.put!.spec, createTimeMs } } });
  }
  await before.close();
  await damage(0);
  await damage(4096);
  const to = join(folder.path, 'new');
  expect((await stowken(['salvage', vault, '--to', to])).code).toBe(1);
  const backend = await open(to);
  const found = await backend.readTokenizer('mine');
  expect(found && { ...found, packed: Buffer.from(found.packed) }).toEqual(kept);
  const query = { filter: {}, order: 'oldestFirst', limit: 3, scanLimit: 100 } as const;
  const { conversations } = await backend.listConversations(query);
  expect(conversations.map(({ id, createTimeMs }) => [id, createTimeMs])).toEqual([
    ['older', 300],
    ['newer', 700],
    ['c0', 1_000],
  ]);

  expect(await backend.check()).toEqual([]);
  await backend.close();
});

it('wrong usage is exit code 2, and what is no vault is named', async () => {
  expect(await stowken(['salvage', vault])).toMatchObject({ code: 2 });
  const { code, stderr } = await stowken(['salvage', folder.path, '--to', join(folder.path, 'new')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/no data file/);
});
