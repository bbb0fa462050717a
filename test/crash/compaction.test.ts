import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { fillWithPhrases } from '../support/phrases.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, openTestVault, partsOf, signal, type TestVault } from '../support/vault.js';
import { durableKinds, openDurable, type DurableKind } from './backends.js';
import { Random } from './random.js';

/** Limit of kills: a compaction may end before. */
const KILLS = sampleOr(4, 7);
const CONVERSATIONS = sampleOr(250, 500);
const root = resolve(import.meta.dirname, '../..');

describe.each(durableKinds)('compaction of a vault in the %s backend', (kind) => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));
  const newFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stowken-compaction-'));
    folders.push(folder);
    return folder;
  };

  it(`comes to the same bytes when it is killed again and again`, async () => {
    const random = new Random(Number(process.env['CRASH_SEED'] ?? 1));
    const undisturbed = await newFolder();
    const before = await visit(kind, undisturbed, async ({ vault }) => {
      await fillWithPhrases(vault, { conversations: CONVERSATIONS, seed: 1, phraseSeed: 1 });
    });
    const killed = await newFolder();
    await cp(undisturbed, killed, { recursive: true });

    expect((await compactUntil(kind, undisturbed, '', Infinity)).end).toBe('complete');
    let resumeToken = '';
    let end: string | undefined;
    let kills = 0;
    while (end === undefined || end === 'complete') {
      // With the last token received, or in a new call.
      const token = random.below(3) > 0 ? resumeToken : '';
      const batches = kills < KILLS ? random.below(2) : Infinity;
      ({ end, resumeToken } = await compactUntil(kind, killed, token, batches));
      if (end === undefined) kills += 1;
      else resumeToken = '';
    }
    // The last call found nothing worth doing.
    expect(end).toBe('notWorthIt');
    expect(kills).toBeGreaterThanOrEqual(sampleOr(2, 4));

    const [one, other] = [await visit(kind, undisturbed), await visit(kind, killed)];
    expect([one.tokens, other.tokens]).toEqual([before.tokens, before.tokens]);
    expect(one.bytes).toBeLessThan(before.bytes / 2);
    expect(Math.abs(other.bytes / one.bytes - 1)).toBeLessThan(0.01);
  });
});

/** Runs a compaction and kills it soon after so many batches; `end` is absent if it was killed. */
function compactUntil(
  kind: DurableKind,
  folder: string,
  token: string,
  batches: number,
): Promise<{ end: string | undefined; resumeToken: string }> {
  const worker = spawn(
    process.execPath,
    [join(root, 'build/test/crash/compaction-worker.js'), kind, folder, token],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let end: string | undefined;
  let resumeToken = token;
  let heard = 0;
  createInterface({ input: worker.stdout }).on('line', (line) => {
    if (line.startsWith('end ')) return void (end = line.slice(4));
    resumeToken = line;
    if (heard++ >= batches) worker.kill('SIGKILL');
  });
  return new Promise((done, fail) => {
    worker.once('error', fail);
    worker.once('close', (code, killer) => {
      if (code === 0 || killer === 'SIGKILL') done({ end, resumeToken });
      else fail(new Error(`the compaction ended with code ${code}`));
    });
  });
}

/** Works on a vault and checks it; resolves to its size, and a digest of every conversation's tokens. */
async function visit(kind: DurableKind, folder: string, work?: (opened: TestVault) => Promise<void>) {
  const core = await loadCore();
  const opened = await openTestVault((codec) => openDurable(kind, folder, { codec, core }));
  try {
    await work?.(opened);
    const { segmentBytes, registryBytes } = await opened.vault.stats();
    const page = { filter: {}, order: 'oldestFirst', limit: 10_000, scanLimit: 10_000 } as const;
    const digest = createHash('sha256');
    for (const { id } of (await opened.vault.list(page)).conversations) {
      const parts = await collectAll(partsOf(opened.vault.retrieve({ id, encoding: 'le32' }, signal)));
      for (const part of parts) {
        if (part.kind === 'chunk' && part.content?.kind === 'le32') digest.update(part.content.bytes);
      }
    }
    return { bytes: segmentBytes + registryBytes, tokens: digest.digest('hex') };
  } finally {
    await opened.close();
  }
}
