import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import { codec, longSegment, storing } from '../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../storage/faults/support.js';
import { stowken } from './support/stowken.js';

const evil = 'run \u001b[31m';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  const backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 1_000 });
  await backend.commit(storing(evil, [longSegment(50, 0)]));
  for (let n = 1; n < 30; n++) await backend.commit(storing(`c${n}`, [longSegment(50, n)]));
  expect(await backend.check()).toEqual([]);
  await backend.close();
});
afterEach(() => folder.remove());

const inspect = (...args: string[]) => stowken(['inspect', '--data', folder.path, ...args]);

it('names the tables, with what is in them', async () => {
  const { code, stdout } = await inspect();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^table +records +bytes +a record is$/m);
  expect(stdout).toMatch(/^conversations +30 +[\d.]+ \w+ +a conversation: /m);
  const json = (await inspect('--json')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(json).toContainEqual(expect.objectContaining({ name: 'garbage', records: 0, damaged: 0 }));
});

it('shows a record as a person reads it, safe for a terminal', async () => {
  const { code, stdout } = await inspect('--table', 'conversations', '--key', evil, '--raw');
  expect(code).toBe(0);
  expect(stdout).toContain('conversations 1  (');
  expect(stdout).toMatch(/^ {2}create_time_ms +1000 {2}1970-/m);
  expect(stdout).toMatch(/^ {4}- role: "user", segments: \[segment: 1, tokens: 50\]$/m);
  expect(stdout).toMatch(/^ {2}000000 {2}[0-9a-f]{8} /m);
  expect(stdout).not.toContain('\u001b');
});

it('shows some records, or all of them', async () => {
  const { stdout, stderr } = await inspect('--table', 'conversations');
  expect(stdout.match(/^conversations /gm)).toHaveLength(20);
  expect(stderr).toBe('more than 20 records; --limit 0 shows all\n');
  const all = await inspect('--table', 'conversations', '--limit', '0', '--json');
  const lines = all.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { value: { id: string } });
  expect(lines.map(({ value }) => value.id)).toEqual([
    evil,
    ...Array.from({ length: 29 }, (_, n) => `c${n + 1}`),
  ]);
  expect(all.stderr).toBe('');
});

it('names what is damaged, with its bytes, and ends with 1', async () => {
  const path = join(folder.path, 'vault.mdb');
  const bytes = await readFile(path);
  for (let at = bytes.indexOf('c7'); at >= 0; at = bytes.indexOf('c7', at + 1)) bytes[at]! ^= 1;
  await writeFile(path, bytes);
  const { code, stdout } = await inspect('--table', 'conversations', '--limit', '0');
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^conversations 8 {2}\(.*\)\n {2}DAMAGED: it does not have its checksum\n {2}000000 /m,
  );
  expect((await inspect()).stdout).toMatch(/^conversations +30 .* 1 DAMAGED +a conversation/m);
});

it('refuses what it cannot do', async () => {
  expect(await inspect('--key', 'x')).toMatchObject({ code: 2 });
  const unknown = await inspect('--table', 'tables');
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.stderr).toContain('there is no table tables; there are meta, strings, packs');
  expect(await inspect('--table', 'ids', '--limit', 'x')).toMatchObject({ code: 2 });
  const missing = await inspect('--table', 'ids', '--key', 'nobody');
  expect(missing).toMatchObject({ code: 1, stdout: '', stderr: 'there is no nobody in ids\n' });
  expect(await stowken(['inspect', '--data', join(folder.path, 'none')])).toMatchObject({ code: 1 });
  await mkdir(join(folder.path, 'other'));
  for (const noVault of ['other', 'vault.mdb']) {
    const { code, stdout, stderr } = await stowken(['inspect', '--data', join(folder.path, noVault)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('there is no vault in ');
  }
});
