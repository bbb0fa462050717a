import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { trainHere } from '../../src/codec/index.js';
import { createVault, SearchThreads, type Vault } from '../../src/vault/index.js';
import { sampleSegments } from '../codec/samples.js';
import { openStoredVault } from '../support/stored-vault.js';
import { collectAll, say, signal, spec, type TestVault } from '../support/vault.js';

let threads: SearchThreads;
let vaults: TestVault[];
beforeEach(() => {
  threads = new SearchThreads(1);
  vaults = [];
});
afterEach(async () => {
  await threads.close();
  for (const each of vaults) await each.close();
});

/** A vault that searches in the threads of this test. */
async function opened(): Promise<{ readonly vault: Vault; readonly t: TestVault }> {
  const t = await openStoredVault('lmdb');
  vaults.push(t);
  const clock = () => t.clock.nowMs;
  return { t, vault: createVault({ ...t, name: 'default', searchThreads: threads, clock }) };
}

const store = (vault: Vault, id: string, ...texts: readonly string[]) =>
  vault.store({ spec: spec(id), messages: texts.map((text) => say('user', text)) }, signal);

async function search(vault: Vault, text: string, until = signal): Promise<readonly string[]> {
  const input = { text, ignoreCase: false, wholeWords: false, filter: {}, limit: 100 };
  const parts = await collectAll(vault.search(input, until));
  return parts.flatMap(({ hits }) => hits).map((hit) => `${hit.conversationId} ${hit.messageIndex}`);
}

/** Resolves to the next thread that this process starts. */
const nextThread = async () => ((await once(process, 'worker')) as [Worker])[0];

it('decodes with the registries of each vault, though they have one number', async () => {
  const some = [];
  for (const seed of [1, 2]) {
    const { vault, t } = await opened();
    const samples = sampleSegments(300, seed).map((tokens) => t.core.fromTokens(tokens));
    const bytes = trainHere(t.core.module, samples, { id: 1 });
    await t.backend.commit({ putRegistry: { bytes, timeMs: 1_500 } });
    t.codec.add(bytes);
    await store(vault, `of ${seed}`, `a needle of vault ${seed} `.repeat(20), 'nothing');
    some.push(vault);
  }
  for (let round = 0; round < 2; round++) {
    const found = await Promise.all(some.map((vault, at) => search(vault, `needle of vault ${at + 1}`)));
    expect(found.map((hits) => [...new Set(hits)])).toEqual([['of 1 0'], ['of 2 0']]);
    expect(await Promise.all(some.map((vault, at) => search(vault, `needle of vault ${2 - at}`)))).toEqual([
      [],
      [],
    ]);
  }
});

it('ends a search whose thread dies with an error, and searches on with another', async () => {
  const { vault } = await opened();
  await store(vault, 'a', 'a needle');
  const started = nextThread();
  const failing = search(vault, 'needle');
  await (await started).terminate();
  await expect(failing).rejects.toMatchObject({
    reason: 'INTERNAL',
    message: 'a thread that searches failed',
  });
  expect(await search(vault, 'needle')).toEqual(['a 0']);
});

it('replaces a thread that died while it was idle', async () => {
  const { vault } = await opened();
  await store(vault, 'a', 'a needle');
  const started = nextThread();
  expect(await search(vault, 'needle')).toEqual(['a 0']);
  await (await started).terminate();
  expect(await search(vault, 'needle')).toEqual(['a 0']);
});

it('cancels a search that waits for a thread, and not the others', async () => {
  const [one, other] = [(await opened()).vault, (await opened()).vault];
  await store(one, 'a', 'a needle');
  await store(other, 'b', 'a needle');
  const cancelled = new AbortController();
  // The thread has to start for the first one; the second one waits for it.
  const searches = [search(one, 'needle'), search(other, 'needle', cancelled.signal)] as const;
  await nextThread();
  cancelled.abort();
  await expect(searches[1]).rejects.toMatchObject({ reason: 'CANCELLED' });
  expect(await searches[0]).toEqual(['a 0']);
});

it('ends its threads and the searches in them when it is closed', async () => {
  const { vault } = await opened();
  await store(vault, 'a', 'a needle');
  const started = nextThread();
  const searches = [search(vault, 'needle'), search(vault, 'a')];
  const settled = Promise.allSettled(searches);
  const ended = once(await started, 'exit');
  await threads.close();
  await ended;
  for (const outcome of await settled)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'SHUTTING_DOWN' } });
  await expect(search(vault, 'needle')).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
});
