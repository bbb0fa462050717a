import { type Codec, frameRegistryId } from '../../../codec/index.js';
import { isDated } from '../../../model/index.js';
import { dropBoard } from '../board/board.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { rebuildChain } from '../conversations/chain.js';
import { decodeManifest } from '../conversations/conversations.js';
import { IdIndex, IdIndexWriter } from '../conversations/id-index.js';
import type { StringOf } from '../conversations/manifest.js';
import { encodeFreedBlocks } from '../conversations/message-blocks.js';
import { segmentsNamed } from '../conversations/message-list.js';
import { decodeRequest } from '../conversations/requests.js';
import { rebuildUsage } from '../lists/usage-rebuild.js';
import { resetLists } from '../lists/build.js';
import { decodePack, idAt } from '../packs/pack.js';
import { framePieces } from '../packs/pack-layout.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import { rebuildRadix } from '../radix/rebuild.js';
import { printOf } from '../segments/dense-chunk.js';
import { fingerprintOf } from '../segments/hash-index.js';
import {
  encodeIndexChunk,
  entriesIn,
  FIRST_KEY,
  type IndexEntry,
  LAST_FINGERPRINT,
  pagesOfChunk,
} from '../segments/index-chunk.js';
import { recentEntries } from '../segments/recent-hashes.js';
import { decodeGarbage, encodeGarbage, RefCounts } from '../segments/ref-counts.js';
import { referenceOfKey, References } from '../segments/references.js';
import { countUse, Registries, type RegistryUse } from '../segments/registries.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState, type State, writeState } from '../tables/meta.js';
import { numberKey, numberOfKey } from '../tables/table-keys.js';
import type { BlockId, ConversationNumber, SegmentId } from '../tables/ids.js';
import { readKeyIndex } from './check-key-index.js';
import { SegmentColumns } from './check-references.js';
import { numbersOfDamagedHeads, repairConversationPacks } from './repair-conversation-packs.js';

/** Next number of tables that are empty. */
const noneBefore = () => 1;

/**
 * Rebuilds everything that follows from frames, manifests and holders: counts, garbage, indexes and
 * statistics. Runs in a write transaction and holds up everything else; takes memory of a few numbers per
 * segment. Content lost with a damaged frame or manifest stays lost, and check() still reports it.
 */
export function rebuild(tables: Tables, codec: Codec, nameOf: StringOf, nowMs: number): void {
  const state = readState(tables.meta);
  state.commitSequence += 1;
  const segments = new SegmentColumns();
  const { entries, unproven } = collectSegments(tables, codec, segments, state);
  removeStrayPieces(tables, segments);
  repairConversationPacks(tables);
  const { holders, hasDated } = countReferences(tables, nameOf, segments, state);
  rebuildPages(tables, holders, segments, state);
  countOutsideReferences(tables, segments);
  rebuildRadix(tables, nameOf, state.nextConversation);
  rebuildRequests(tables, nameOf, state);
  resetLists(tables, hasDated);
  rebuildUsage(tables, nameOf, state);
  rebuildHashIndex(tables, entries, unproven);
  rebuildCounts(tables, segments, state, nowMs);
  dropBoard(tables.meta);
  writeState(tables.meta, state);
}

function collectSegments(tables: Tables, codec: Codec, segments: SegmentColumns, state: State) {
  const entries: IndexEntry[] = [];
  /** Segments in packs whose checksum is wrong. */
  const unproven = new Set<number>();
  const uses = new Map<number, RegistryUse>();
  const reader = new SegmentReader(tables, trustsDamagedPacks);
  state.segments = state.uniqueTokens = state.segmentBytes = 0;
  for (const { key, damage } of tables.packs.scan()) {
    const { value } = tables.packs.unchecked(key)!;
    const pack = undefinedIfCorrupt(() => decodePack(key, value));
    for (let index = pack?.continues ? 1 : 0; index < (pack?.entries.length ?? 0); index++) {
      const id = idAt(pack!, index);
      const size = undefinedIfCorrupt(() => reader.size(id));
      if (!size || segments.has(id)) continue;
      segments.add(id, size.frameBytes, size.tokenCount);
      if (damage) unproven.add(id);
      state.segments += 1;
      state.uniqueTokens += size.tokenCount;
      state.segmentBytes += size.frameBytes;
      state.nextSegment = Math.max(state.nextSegment, id + 1);
      const hash = undefinedIfCorrupt(() => {
        const frame = reader.frame(id);
        const registryId = frameRegistryId(frame);
        if (registryId !== undefined) countUse(uses, registryId, size);
        return codec.hashOf(frame);
      });
      if (hash !== undefined) entries.push({ print: printOf(fingerprintOf(hash)), id });
    }
  }
  state.registryBytes = new Registries(tables).recount(uses);
  return { entries, unproven };
}

/** Removes parts of frames that belong to no segment. */
function removeStrayPieces(tables: Tables, segments: SegmentColumns): void {
  for (const key of [...tables.frameOverflowPages.keys()]) {
    if (framePieces(segments.frameBytes(key)).headBytes === 0) tables.frameOverflowPages.remove(key);
  }
  for (const key of [...tables.frameHalfPages.keys()]) {
    if (framePieces(segments.frameBytes(key)).halfBytes === 0) tables.frameHalfPages.remove(key);
  }
}

/**
 * Reads all manifests and rebuilds the id index on the way. Returns how many of them name each block, and
 * whether a conversation has a create time of its own.
 */
function countReferences(
  tables: Tables,
  nameOf: StringOf,
  segments: SegmentColumns,
  state: State,
): { readonly holders: ReadonlyMap<number, number>; readonly hasDated: boolean } {
  const holders = new Map<number, number>();
  let hasDated = false;
  const idsOfDamaged = damagedIds(tables, nameOf, state.nextConversation);
  tables.ids.clear();
  const ids = new IdIndexWriter(tables.ids);
  state.conversations = state.messages = state.tokens = 0;
  for (const number of [...tables.conversations.keys()]) {
    state.nextConversation = Math.max(state.nextConversation, number + 1);
    const manifest = undefinedIfCorrupt(() => {
      const record = tables.conversations.get(number);
      return record && decodeManifest(record, nameOf);
    });
    if (!manifest) continue;
    const { id, messageCount, totalTokens, storeTimeMs } = manifest.conversation;
    if (ids.find(id) === undefined) ids.insert(id, number as ConversationNumber);
    state.conversations += 1;
    state.messages += messageCount;
    state.tokens += totalTokens;
    state.lastStoreTimeMs = Math.max(state.lastStoreTimeMs, storeTimeMs);
    hasDated ||= isDated(manifest.conversation);
    const { directory, tail } = manifest.list;
    for (const segment of undefinedIfCorrupt(() => segmentsNamed(tail)) ?? []) segments.addReference(segment);
    for (const { id } of undefinedIfCorrupt(() => [...decodeDirectory(directory)]) ?? []) {
      holders.set(id, (holders.get(id) ?? 0) + 1);
    }
  }
  rebuildChain(tables, state);
  for (const [number, id] of idsOfDamaged) if (ids.find(id) === undefined) ids.insert(id, number);
  ids.flush();
  return { holders, hasDated };
}

/** Returns the ids of conversations whose own record has lost them: under these they can be deleted. */
function damagedIds(
  tables: Tables,
  nameOf: StringOf,
  nextConversation: number,
): Map<ConversationNumber, string> {
  const damaged = numbersOfDamagedHeads(tables, nextConversation);
  for (const { key, value } of tables.conversations.scan()) {
    if (!value || !undefinedIfCorrupt(() => decodeManifest(value, nameOf))) damaged.add(key);
  }
  return damaged.size === 0 ? new Map<ConversationNumber, string>() : new IdIndex(tables.ids).idsOf(damaged);
}

/**
 * Rebuilds the counts of blocks. Blocks that no manifest names are removed when no snapshot reads them any
 * more.
 */
function rebuildPages(
  tables: Tables,
  holders: ReadonlyMap<number, number>,
  segments: SegmentColumns,
  state: State,
): void {
  for (const table of [tables.blockCounts, tables.bigBlockCounts, tables.freedBlocks]) table.clear();
  const counts = new RefCounts<BlockId>(tables.blockCounts, tables.bigBlockCounts, noneBefore);
  const freed: BlockId[] = [];
  for (const { key, value } of tables.messageBlocks.scan()) {
    state.nextBlock = Math.max(state.nextBlock, key + 1);
    const count = holders.get(key) ?? 0;
    const id = key as BlockId;
    counts.set(id, count);
    if (count === 0) freed.push(id);
    else
      for (const segment of (value && undefinedIfCorrupt(() => segmentsNamed(value))) ?? [])
        segments.addReference(segment);
  }
  counts.flush(state.nextBlock);
  if (freed.length > 0) tables.freedBlocks.put(numberKey(state.commitSequence), encodeFreedBlocks(freed));
}

/** Removes the requests that cannot be read, and rebuilds the index of the others. */
function rebuildRequests(tables: Tables, nameOf: StringOf, state: State): void {
  tables.requestIds.clear();
  const ids = new KeyIndexWriter(tables.requestIds);
  for (const key of [...tables.requests.keys()].reverse()) {
    const request = undefinedIfCorrupt(() => {
      const record = tables.requests.get(key);
      return record && decodeRequest(record, nameOf);
    });
    const number = numberOfKey(key);
    state.nextRequest = Math.max(state.nextRequest, number + 1);
    // If two have one id, the later one is kept.
    if (request && ids.find(request.key) === undefined) ids.insert(request.key, number);
    else tables.requests.remove(key);
  }
  ids.flush();
}

/**
 * Counts outside references, and removes those to segments that are not stored. An index that has lost some
 * is not changed, so that every check reports it: the segments of lost references must not be taken for
 * garbage.
 */
function countOutsideReferences(tables: Tables, segments: SegmentColumns): void {
  const { entries, whole } = readKeyIndex(tables.references);
  const references = new References(tables.references);
  for (const { key } of entries) {
    const reference = undefinedIfCorrupt(() => referenceOfKey(key));
    if (!reference) continue;
    const { id, holder } = reference;
    if (segments.has(id)) segments.addReference(id);
    else if (whole) references.remove(id, holder);
  }
  references.flush();
}

/** Segments that were garbage before stay so, with their time. */
function rebuildCounts(tables: Tables, segments: SegmentColumns, state: State, nowMs: number): void {
  const before = new Map(
    [...tables.garbage.scan()].map(({ key, value }) => [
      key,
      value && undefinedIfCorrupt(() => decodeGarbage(value)),
    ]),
  );
  for (const table of [tables.refCounts, tables.bigRefCounts, tables.garbage]) table.clear();
  state.garbageSegments = state.garbageBytes = 0;
  const counts = new RefCounts<SegmentId>(tables.refCounts, tables.bigRefCounts, noneBefore);
  for (const id of segments.ids()) {
    counts.set(id, segments.references(id));
    if (segments.references(id) > 0) continue;
    const frameBytes = segments.frameBytes(id);
    const since = before.get(id) ?? { sinceMs: nowMs, sequence: state.commitSequence };
    tables.garbage.append(id, encodeGarbage({ ...since, frameBytes }));
    state.garbageSegments += 1;
    state.garbageBytes += frameBytes;
  }
  counts.flush(state.nextSegment);
}

/**
 * Rebuilds the hash index from these entries, which were made from frames, without recent segments. A frame
 * in a damaged pack (`unproven`) is entered only if it was before: its own bytes do not prove its identity.
 */
function rebuildHashIndex(
  tables: Tables,
  entries: readonly IndexEntry[],
  unproven: ReadonlySet<number>,
): void {
  const before = indexed(tables);
  const known = new Set(before.flat().map(({ id }) => id));
  const named = keepNames(
    before,
    entries.filter(({ id }) => known.has(id) || !unproven.has(id)),
  );
  tables.hashIndex.clear();
  tables.recentHashes.clear();
  named.sort((a, b) => a.print - b.print || a.id - b.id);
  if (named.length === 0) return;
  const columns = {
    prints: Uint32Array.from(named, ({ print }) => print),
    ids: Uint32Array.from(named, ({ id }) => id),
  };
  for (const page of pagesOfChunk(FIRST_KEY, { last: LAST_FINGERPRINT, entries: columns }))
    tables.hashIndex.append(page.key, encodeIndexChunk(page.key, page));
}

/** Returns the entries of the index, by chunk, except those that cannot be read. */
function indexed({ hashIndex, recentHashes }: Tables): IndexEntry[][] {
  return [
    ...[...hashIndex.scan()].map(
      ({ key, value }) => (value && undefinedIfCorrupt(() => entriesIn(key, value))) ?? [],
    ),
    ...[...recentHashes.scan()].map(({ key, value }) =>
      [...(value ? recentEntries(key, value) : [])].map(({ fingerprint, id }) => ({
        print: printOf(fingerprint),
        id,
      })),
    ),
  ];
}

/**
 * Keeps the index's print for a frame that has other tokens now. In that case the frame is damaged, not
 * the index: a print of the damaged tokens would make them pass for the stored ones. An index is
 * trusted if it has each segment once, and so is a chunk if most of its entries are right.
 */
function keepNames(chunks: readonly (readonly IndexEntry[])[], entries: readonly IndexEntry[]): IndexEntry[] {
  const computed = new Map(entries.map(({ id, print }) => [id, print]));
  const ids = chunks.flat().map(({ id }) => id);
  const distinct = new Set(ids);
  const whole = distinct.size === ids.length && entries.every(({ id }) => distinct.has(id));
  const names = new Map<number, number>();
  for (const chunk of chunks) {
    const wrong = chunk.filter(({ id, print }) => computed.get(id) !== print);
    if (!whole && wrong.length > chunk.length / 2) continue;
    for (const { id, print } of wrong) names.set(id, print);
  }
  for (const { id, print } of chunks.flat()) if (computed.get(id) === print) names.delete(id);
  return entries.map(({ id, print }) => ({ id, print: names.get(id) ?? print }));
}
