import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLmdbBackend, type MaintainedBackend } from '../../../src/storage/index.js';
import {
  collectAll,
  openTestVault,
  partsOf,
  say,
  signal,
  spec,
  type TestVault,
} from '../../support/vault.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let t: TestVault;
let environment: RootDatabase;
beforeEach(async () => {
  folder = await temporaryFolder();
  t = await openTestVault((codec, clock) => openLmdbBackend({ folder: folder.path, codec, clock }));
  environment = open({ path: join(folder.path, 'vault.mdb'), noSubdir: true, readOnly: true });
});
afterEach(async () => {
  await environment.close();
  await t.close();
  await folder.remove();
});

/**
 * Returns the oldest state that anyone still reads, in commits before the last one. Pages that are freed
 * after it stay in use.
 */
function oldestReader(): number {
  environment.resetReadTxn();
  const { lastTxnId } = environment.getStats() as { lastTxnId: number };
  const states = [...environment.readerList().matchAll(/^ *\d+ +[0-9a-f]+ +(\d+)$/gm)];
  expect(states.length).toBeGreaterThan(0);
  return Math.max(...states.map(([, state]) => lastTxnId - Number(state)));
}

const store = (n: number) =>
  t.vault.store(
    {
      spec: spec(`c${n}`),
      messages: [
        say(
          'user',
          Array.from({ length: 700 }, (_, at) => at % (n + 2)),
        ),
        say('user', [n]),
      ],
    },
    signal,
  );

// A range that is not read to its end, and not closed, would be such a reader.
it('no state is held for reading once what read it is done', async () => {
  for (let n = 0; n < 40; n++) await store(n);
  const backend = t.backend as MaintainedBackend;
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    retrieve: () => collectAll(partsOf(t.vault.retrieve({ id: 'c3', encoding: 'tokens' }, signal))),
    'a stream that is left': async () => {
      const stream = t.vault.retrieve({ id: 'c3', encoding: 'tokens' }, signal);
      await stream.next();
      await stream.return();
    },
    describe: () => t.vault.getWithMessages('c3'),
    list: () => t.vault.list({ filter: { idPrefix: 'c1' }, order: 'newestFirst', limit: 3, scanLimit: 100 }),
    'find a prefix': () =>
      t.vault.findPrefix(
        {
          content: { kind: 'le32', bytes: new Uint8Array(4 * 600) },
          tokenizer: '',
          application: undefined,
          minTokens: 0,
          limit: 3,
        },
        signal,
      ),
    append: () => t.vault.append({ id: 'c4', messages: [say('user', [9])] }, signal),
    fork: () => t.vault.fork({ id: 'c4', newId: 'f', messageCount: 1 }, signal),
    delete: () => t.vault.delete('c5', { allowMissing: false }),
    'list garbage': () => t.vault.listGarbage({ limit: 1 }),
    'collect garbage': () => collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal)),
    check: () => backend.check(),
    repair: () => backend.repair(),
    defragment: () => backend.defragment(signal),
    'loose bytes': () => backend.reclaimableBytes(signal),
    backup: () => collectAll(t.vault.backup(signal)),
  };
  for (const [name, work] of Object.entries(works)) {
    await work();
    for (let n = 0; n < 3; n++) await store(100 * Object.keys(works).indexOf(name) + 50 + n);
    expect(oldestReader(), `commits since the state that ${name} has read`).toBeLessThan(3);
  }
});
