import { frameRegistryId } from '../../codec/index.js';
import { present, type SegmentHash } from '../../model/index.js';
import type { StorageBackend } from '../contract/backend.js';
import type { Change, FoundSegment, SegmentKey, StoredSegment } from '../contract/change.js';
import type { ReferencePosition } from '../contract/queries.js';
import { withLeanHeap } from '../shared/heap.js';
import { idAfter, idOf, keyOf, type SegmentId } from './tables/ids.js';
import { KeyIndex } from './tables/key-index.js';
import type { OpenVault } from './open-vault.js';
import { isLong, withResolvedIds } from './segments/id-prefetch.js';
import { readGarbage, unreferencedFrom } from './segments/ref-counts.js';
import { referenceKey, referenceOfKey } from './segments/references.js';
import { scanSegments } from './segments/segment-finder.js';
import { undefinedIfCorrupt } from './tables/lmdb-errors.js';

type SegmentQueries = Pick<
  StorageBackend,
  | 'findSegments'
  | 'knownSegments'
  | 'readFrames'
  | 'readHashes'
  | 'countReferences'
  | 'listGarbage'
  | 'scanSegments'
> &
  Required<Pick<StorageBackend, 'listReferences'>>;

/** Queries about the segments of an open vault. */
export function segmentQueries(vault: OpenVault): SegmentQueries {
  const { tables } = vault;
  return {
    findSegments: (hashes) =>
      vault.slices(hashes, (finder, hash) => {
        const known = finder.find(hash);
        return known && { key: keyOf(known.id), tokenCount: known.tokenCount };
      }),

    /** Those that are not all remembered may be new: findSegments keeps that too for the commit. */
    knownSegments(hashes) {
      const known: FoundSegment[] = [];
      for (const hash of hashes) {
        const segment = vault.shared.cache.byHash(hash);
        if (!segment) return undefined;
        known.push({ key: keyOf(segment.id), tokenCount: segment.tokenCount });
      }
      return known;
    },

    readFrames: (keys) => readFrames(vault, keys),

    readHashes: (keys) => vault.slices(keys, (finder, key) => finder.known(idOf(key)).hash),

    countReferences: (keys) => vault.slices(keys, (finder, key) => finder.references(idOf(key))),

    async listGarbage({ limit, garbageBeforeMs, after }) {
      vault.assertOpen();
      const { reader } = vault.finder();
      const segments: StoredSegment[] = [];
      for (const key of unreferencedFrom(tables, idAfter(after))) {
        const { sinceMs, frameBytes } = readGarbage(tables.garbage, key);
        if (sinceMs > garbageBeforeMs) continue;
        if (segments.length === limit) return { segments, next: segments.at(-1)?.key };
        // A damaged frame is listed too: the caller gets the damage when it asks for the hash.
        const size = undefinedIfCorrupt(() => reader.size(key)) ?? { tokenCount: 0, frameBytes };
        segments.push({ key: keyOf(key), ...size });
      }
      return { segments, next: undefined };
    },

    async listReferences({ limit, after = '' as ReferencePosition }) {
      vault.assertOpen();
      const page: { readonly id: SegmentId; readonly holder: string }[] = [];
      const last = Buffer.from(after, 'base64url');
      let next: ReferencePosition | undefined;
      for (const { key } of new KeyIndex(tables.references).from(last)) {
        if (after !== '' && key.equals(last)) continue;
        if (page.length === limit) {
          next = positionOf(present(page.at(-1), 'a page that is full has a reference'));
          break;
        }
        page.push(referenceOfKey(key));
      }
      const hashes = await vault.slices(page, (finder, { id }) => finder.known(id).hash);
      return { references: page.map(({ holder }, at) => ({ hash: hashes[at]!, holder })), next };
    },

    async scanSegments(query) {
      vault.assertOpen();
      return scanSegments(tables, vault.finder().reader, query);
    },
  };
}

function positionOf({ id, holder }: { readonly id: SegmentId; readonly holder: string }): ReferencePosition {
  return referenceKey(id, holder).toString('base64url') as ReferencePosition;
}

async function readFrames(vault: OpenVault, keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
  // In the order of their ids: those in one pack are read together.
  const order = [...keys.keys()].sort((a, b) => idOf(keys[a]!) - idOf(keys[b]!));
  const read = await vault.slices(order, ({ reader }, at) => reader.frame(idOf(keys[at]!)));
  const frames = new Array<Uint8Array>(keys.length);
  for (const [index, at] of order.entries()) frames[at] = read[index]!;
  // If a frame was replaced while the others were read, and its registry has been dropped since, it is read
  // again.
  const { registries } = vault.shared.codec;
  const known = new Set<number | undefined>([undefined, ...registries.map(({ id }) => id)]);
  const stale = [...frames.keys()].filter((at) => !known.has(frameRegistryId(frames[at]!)));
  const { reader } = vault.finder();
  for (const at of stale) frames[at] = reader.frame(idOf(keys[at]!));
  return frames;
}

/** Looks up the segments that a change names, so that its transaction need not do so. */
export async function findAhead(vault: OpenVault, change: Change): Promise<Change> {
  const find = (hashes: readonly SegmentHash[]) => vault.slices(hashes, (finder, hash) => finder.find(hash));
  const look = () => withResolvedIds(change, find);
  return isLong(change) ? withLeanHeap(look) : look();
}
