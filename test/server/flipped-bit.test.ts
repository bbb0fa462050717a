import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { startStowken } from '../support/process.js';

const CONVERSATIONS = 40;
/** Frames of tokens that do not compress: their bytes are in the file unchanged. */
const tokensOf = (n: number) =>
  Uint32Array.from({ length: 60 }, (_, at) => (Math.imul(n * 60 + at + 1, 0x9e3779b1) >>> 0) % 2 ** 31);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowken-flip-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a flipped bit in a stored frame is DATA_LOSS for its conversation, and others are served', async () => {
  let server = await startStowken('--data', folder);
  let client = connect({ server: server.address });
  for (let n = 0; n < CONVERSATIONS; n++) {
    const conversation = { id: `c${n}`, application: `application ${n}` };
    await client.store({ conversation, messages: [{ role: 'user', tokens: tokensOf(n) }] });
  }
  client.close();
  await server.kill('SIGTERM');

  const file = join(folder, 'vault.mdb');
  const bytes = await readFile(file);
  // A frame has its tokens as varints: for this one, four bytes that occur nowhere else.
  const flipped = [7, 23];
  for (const n of flipped) {
    const needle = varints(tokensOf(n).subarray(20, 30));
    let copies = 0;
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
      bytes[at + 2]! ^= 0x10;
      copies += 1;
    }
    expect(copies).toBeGreaterThan(0);
  }
  await writeFile(file, bytes);

  server = await startStowken('--data', folder);
  client = connect({ server: server.address });
  try {
    for (let n = 0; n < CONVERSATIONS; n++) {
      const read = async () => {
        const messages: unknown[] = [];
        for await (const part of client.read(`c${n}`, { encoding: 'tokens' }))
          if (part.kind === 'message') messages.push(part.content);
        return messages;
      };
      if (flipped.includes(n)) await expect(read()).rejects.toMatchObject({ reason: 'CORRUPT_SEGMENT' });
      else expect(await read()).toEqual([tokensOf(n)]);
    }
  } finally {
    client.close();
    await server.kill('SIGTERM');
  }
});

it('a flipped bit in the newest conversation of a vault of files keeps nobody from the others', async () => {
  const flags = ['--data', folder, '--storage', 'filesystem'];
  let server = await startStowken(...flags);
  let client = connect({ server: server.address });
  for (const id of ['first', 'newest']) {
    await client.store({ conversation: { id }, messages: [{ role: 'user', tokens: tokensOf(1) }] });
  }
  client.close();
  await server.kill('SIGTERM');
  const file = join(folder, 'manifests', 'newest.json');
  const bytes = await readFile(file);
  bytes[bytes.length - 60]! ^= 0x80;
  await writeFile(file, bytes);

  server = await startStowken(...flags);
  client = connect({ server: server.address });
  expect(await client.get('first')).toMatchObject({ conversation: { id: 'first' } });
  await expect(client.get('newest')).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
  client.close();
  expect(await server.kill('SIGTERM')).toBe(0);
});

function varints(tokens: Uint32Array): Buffer {
  const bytes: number[] = [];
  for (const token of tokens) {
    let rest = token;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}
