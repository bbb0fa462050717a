import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createLiveCodec } from '../../../src/codec/index.js';
import { loadCore } from '../../../src/core/index.js';
import { openLmdbBackend, restoreLmdb } from '../../../src/storage/index.js';
import { buildSlice, pendingIn, setLabels } from '../../../src/storage/lmdb/lists/build.js';
import { OpenVault } from '../../../src/storage/lmdb/open-vault.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { openTestVault, signal, type TestVault } from '../../support/vault.js';
import type { Asked } from './fill.js';

/** Packs whatever a compaction finds. */
const packing = { coldAfterMs: 0, fewest: 1 };

/**
 * Makes an LMDB vault in the folder, with what `make` stores. Returns the path of a copy that was restored
 * from its backup: that has no unused page. All conversations are in the index of lists.
 */
export async function restoredVault(
  folder: string,
  make: (t: TestVault) => Promise<Asked>,
): Promise<{ readonly whole: string; readonly asked: Asked }> {
  const first = join(folder, 'first');
  const whole = join(folder, 'whole');
  const open = () =>
    openTestVault((codec, clock) =>
      openLmdbBackend({ folder: first, codec, clock, durability: 'relaxed', packing }),
    );
  const filled = await open();
  const asked = await make(filled);
  await filled.close();
  await indexLists(first);
  const t = await open();
  const codec = createLiveCodec(await loadCore());
  await restoreLmdb({ folder: whole, source: t.vault.backup(signal), codec });
  await t.close();
  await rm(join(whole, 'vault.mdb-lock'), { force: true });
  return { whole, asked };
}

/** Enters all conversations into the index of lists, as a server does when they are many. */
async function indexLists(folder: string): Promise<void> {
  const environment = await Environment.open(folder, { sync: false });
  const codec = createLiveCodec(await loadCore());
  const vault = new OpenVault(environment, codec, { isOwner: true, sharers: 1 });
  await environment.write(() => setLabels(vault.tables.meta, ['user']));
  while (pendingIn(vault.tables.meta).conversations > 0)
    await environment.write(() => buildSlice(vault.tables, vault.nameOf));
  await vault.close();
}
