import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend, type StorageBackend } from '../../src/storage/index.js';
import { sampleOr } from '../support/sample.js';
import {
  collectAll,
  openTestVault,
  partsOf,
  say,
  signal,
  spec,
  type TestVault,
  wordsOf,
} from '../support/vault.js';
import { tokensOf } from './space-content.js';

const CONVERSATIONS = sampleOr(600, 4000);
const ROUNDS = sampleOr(3, 20);
const reader = join(resolve(import.meta.dirname, '../..'), 'build/test/crash/space-reader.js');

let folder: string;
let t: TestVault;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowken-space-'));
  t = await openTestVault((codec, clock) => openLmdbBackend({ folder, codec, clock }));
});
afterEach(async () => {
  await t.close();
  await rm(folder, { recursive: true });
});

const store = (number: number) =>
  t.vault.store({ spec: spec(`c${number}`), messages: [say('user', tokensOf(`c${number}`))] }, signal);

const storeAll = (from: number, to: number) =>
  Promise.all(Array.from({ length: to - from }, (_, at) => store(from + at)));

async function deleteAll(from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, at) => `c${from + at}`);
  await t.vault.deleteMany({ selection: { kind: 'ids', ids }, dryRun: false }, signal);
  await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0, reportPreparation: false }, signal));
}

async function contentOf(id: string): Promise<Buffer> {
  const parts = await collectAll(partsOf(t.vault.retrieve({ id, encoding: 'le32' }, signal)));
  return Buffer.concat(
    parts.map((part) =>
      part.kind === 'chunk' && part.content?.kind === 'le32' ? part.content.bytes : new Uint8Array(0),
    ),
  );
}

async function giveBack(backend: StorageBackend, factor: number): Promise<void> {
  await backend.giveBack!({ signal, factor });
}

/** Holes need Linux and an optional package. A package that is there and fails is no reason to skip. */
async function whyNot(): Promise<string | undefined> {
  const { unsupported } = await t.backend.space!();
  expect(unsupported ?? '').not.toContain('does not work here');
  return unsupported;
}

describe('the space of deleted content', () => {
  it('goes back to the file system without a restart, and the rest stays', async (context) => {
    const unsupported = await whyNot();
    if (unsupported !== undefined) context.skip(unsupported);
    await storeAll(0, CONVERSATIONS);
    const kept = Math.floor(CONVERSATIONS / 10);
    await deleteAll(kept, CONVERSATIONS);
    const before = await t.backend.space!();
    expect(before.allocatedBytes).toBeGreaterThan(3 * before.inUseBytes);
    await giveBack(t.backend, 1.1);
    const after = await t.backend.space!();
    expect(after.allocatedBytes).toBeLessThanOrEqual(1.5 * after.inUseBytes);
    for (let number = 0; number < kept; number += 1)
      expect(await contentOf(`c${number}`)).toEqual(Buffer.from(wordsOf(tokensOf(`c${number}`))));

    // Pages that were given back are used again.
    await storeAll(kept, kept + 50);
    expect(await contentOf(`c${kept}`)).toEqual(Buffer.from(wordsOf(tokensOf(`c${kept}`))));
  }, 120_000);

  it('is given back beside stores, a check of an older state, a snapshot, and readers of other processes', async (context) => {
    const unsupported = await whyNot();
    if (unsupported !== undefined) context.skip(unsupported);
    await storeAll(0, 100);
    const child = spawn(process.execPath, [reader, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = new Promise<number | null>((done) => child.on('close', done));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await lines.next();
    let stored = 100;
    for (let round = 0; round < ROUNDS; round += 1) {
      const snapshot = await t.backend.openConversation(`c${stored - 1}`);
      const checking = t.backend.check();
      const [from, to] = [stored, stored + 100];
      await Promise.all([storeAll(from, to), giveBack(t.backend, 0)]);
      await Promise.all([deleteAll(from - 100, from), giveBack(t.backend, 0)]);
      const [message] = await snapshot!.read(0, 1);
      const frames = await t.backend.readFrames(message!.segments.map(({ key }) => key));
      expect(Buffer.concat(frames.map((frame) => t.codec.decodeLe32(frame)))).toEqual(
        Buffer.from(wordsOf(tokensOf(`c${from - 1}`))),
      );
      snapshot!.release();
      expect(await checking).toEqual([]);
      stored = to;
    }
    expect((await lines.next()).done).toBe(false);
    child.stdin.end();
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) void next;
    expect(await closed).toBe(0);
    for (let number = stored - 100; number < stored; number += 1)
      expect(await contentOf(`c${number}`)).toEqual(Buffer.from(wordsOf(tokensOf(`c${number}`))));
  }, 120_000);
});
