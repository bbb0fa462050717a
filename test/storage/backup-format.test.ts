import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readBackup, writeBackup } from '../../src/storage/shared/backup-stream.js';
import { temporaryFolder, type TemporaryFolder } from './faults/support.js';

const header = { kind: 'lmdb', format: 1, vaultId: '000102030405060708090a0b0c0d0e0f', bytes: 300 };
const content = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7 + 3) % 256));

let folder: TemporaryFolder;
let golden: Buffer;
beforeEach(async () => {
  folder = await temporaryFolder();
  golden = await readFile(join(import.meta.dirname, '../golden/backup-v1.bin'));
});
afterEach(() => folder.remove());

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

it('a backup of version 1 is read for ever', async () => {
  const path = join(folder.path, 'content');
  expect(await readBackup(oneChunk(golden), path, () => undefined)).toEqual(header);
  expect(await readFile(path)).toEqual(content);
});

it('a backup is written as it was', async () => {
  const path = join(folder.path, 'content');
  await writeFile(path, content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeBackup(header, path)) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toEqual(golden);
  const sealed = createHash('sha256').update(golden.subarray(0, -32)).digest();
  expect(golden.subarray(-32)).toEqual(sealed);
});

it('every prefix, every flipped bit and every byte more is refused', async () => {
  const spoilt: Buffer[] = [Buffer.concat([golden, Buffer.of(0)])];
  for (let end = 0; end < golden.length; end++) spoilt.push(golden.subarray(0, end));
  for (let at = 0; at < golden.length; at++) {
    const copy = Buffer.from(golden);
    copy[at]! ^= 1 << (at % 8);
    spoilt.push(copy);
  }
  for (const [index, bytes] of spoilt.entries()) {
    const reading = readBackup(oneChunk(bytes), join(folder.path, String(index)), () => undefined);
    await expect(reading).rejects.toMatchObject({
      reason: expect.stringMatching(/^(CORRUPT_STORE|STORE_VERSION)$/) as string,
    });
  }
});
