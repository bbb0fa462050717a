import type { Change, FrameReplacement, SegmentKey } from '../../contract/change.js';
import { withLeanHeap } from '../../shared/heap.js';
import { checkReplacements } from '../../shared/registry-checks.js';
import type { OpenVault } from '../open-vault.js';
import { findAhead } from '../segment-queries.js';
import { isLong } from '../segments/id-prefetch.js';
import { isDamage } from '../tables/lmdb-errors.js';
import { idOf } from '../tables/ids.js';

/** Commits a change when all has been read and checked that its transaction need not wait for. */
export async function prepareAndCommit<T>(
  vault: OpenVault,
  change: Change,
  commit: (change: Change) => Promise<T>,
): Promise<T> {
  const { shared } = vault;
  vault.assertOpen();
  // Reads the frames that the commit compares with hashes.
  if (change.collect) await readAhead(vault, change.collect.keys);
  const references = [...(change.addReferences ?? []), ...(change.removeReferences ?? [])];
  if (references.length > 0) await vault.slices(references, (finder, { hash }) => finder.find(hash));
  // A damaged registry is refused before anything is written: a vault that has one cannot be opened.
  if (change.putRegistry) shared.codec.withRegistry(change.putRegistry.bytes);
  if (change.replaceFrames) await checkFrames(vault, change.replaceFrames);
  if (!isLong(change)) return commit(change);
  return withLeanHeap(async () => commit(await findAhead(vault, change)));
}

async function checkFrames(vault: OpenVault, replacements: readonly FrameReplacement[]): Promise<void> {
  await readAhead(
    vault,
    replacements.map(({ key }) => key),
  );
  const { cache, codec } = vault.shared;
  const finder = vault.finder();
  const hashOf = (key: SegmentKey) =>
    finder.references(idOf(key)) === undefined ? undefined : cache.byId(idOf(key))?.hash;
  checkReplacements(replacements, hashOf, codec);
}

/** Reads segments into the cache. */
async function readAhead(vault: OpenVault, keys: readonly SegmentKey[]): Promise<void> {
  await vault.slices(keys, (finder, key) => {
    try {
      finder.known(idOf(key));
    } catch (error) {
      // Deleted or damaged: the commit leaves it out.
      if (!isDamage(error)) throw error;
    }
  });
}
