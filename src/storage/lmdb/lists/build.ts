import type { StringOf } from '../conversations/manifest.js';
import { recordsAfter } from '../conversations/chain.js';
import { readHeader } from '../conversations/conversations.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import {
  CREATED,
  createdDimension,
  type Dimension,
  DIMENSIONS_KEY,
  GROUP_RANGE,
  groupOf,
  readDimensions,
  rememberedGroups,
  withLabels,
  writeDimensions,
} from './dimensions.js';
import { PostingIndexWriter } from './posting-index.js';

type ListTables = Pick<Tables, 'meta' | 'postings' | 'conversations'>;

/** Conversations that one slice enters, and entries of a removed label that one slice removes. */
const SLICE_CONVERSATIONS = 512;
const SLICE_ENTRIES = 4096;

/** Sets the labels of a vault. Returns whether they changed. Runs in a write transaction. */
export function setLabels(meta: Table, labels: readonly string[]): boolean {
  const before = readDimensions(meta);
  const after = withLabels(before, labels);
  if (JSON.stringify(before) === JSON.stringify(after)) return false;
  writeDimensions(meta, after);
  return true;
}

type Table = Tables['meta'];

/** Returns how many conversations a dimension lacks at most, and whether entries are to be removed. */
export function pendingIn(meta: Table): { readonly conversations: number; readonly entries: boolean } {
  const last = readState(meta).lastConversation;
  const dimensions = readDimensions(meta);
  const kept = dimensions.filter(({ dropped }) => !dropped);
  return {
    conversations: Math.max(0, ...kept.map(({ to }) => last - to)),
    entries: kept.length < dimensions.length,
  };
}

/**
 * Enters the next conversations into the dimensions that are the furthest behind, or removes entries of
 * labels that were removed. Runs in a write transaction of some milliseconds. Conversations that cannot
 * be read are left out.
 */
export function buildSlice(tables: ListTables, nameOf: StringOf): void {
  const dimensions = readDimensions(tables.meta);
  const dropped = dimensions.find((each) => each.dropped);
  if (dropped) {
    if (removeSlice(tables.postings, dropped))
      writeDimensions(
        tables.meta,
        dimensions.filter((each) => each !== dropped),
      );
    return;
  }
  const from = Math.min(...dimensions.map(({ to }) => to));
  const behind = dimensions.filter(({ to }) => to === from);
  // Never past a dimension that is ahead: from there on they go together.
  const limit = Math.min(...dimensions.map(({ to }) => (to === from ? Infinity : to)));
  const writer = new PostingIndexWriter(tables.postings);
  const groups = rememberedGroups();
  let reached = from;
  for (const { key, value } of recordsAfter(tables, from, SLICE_CONVERSATIONS)) {
    if (key > limit) {
      reached = limit;
      break;
    }
    reached = key;
    const header = value && undefinedIfCorrupt(() => readHeader(value, nameOf));
    if (!header) continue;
    for (const dimension of behind) {
      const group = groupOf(dimension, key, header.conversation, groups);
      if (group !== undefined) writer.add(group, key);
    }
  }
  writer.flush();
  // All conversations between are gone: the others end where the vault does.
  if (reached === from) reached = Math.min(limit, readState(tables.meta).lastConversation);
  writeDimensions(
    tables.meta,
    dimensions.map((each) => (each.to === from ? { ...each, to: Math.max(reached, from) } : each)),
  );
}

/** Removes entries of a dimension; returns whether none is left. */
function removeSlice(postings: Tables['postings'], { id }: Dimension): boolean {
  const writer = new PostingIndexWriter(postings);
  const [first, beyond] = [id * GROUP_RANGE, (id + 1) * GROUP_RANGE];
  let removed = 0;
  for (
    let chunk = writer.chunkAt(first, 0) as ReturnType<typeof writer.after>;
    chunk;
    chunk = writer.after(chunk)
  ) {
    for (const [at, group] of chunk.groups.entries()) {
      if (group < first) continue;
      if (group >= beyond) {
        writer.flush();
        return true;
      }
      writer.remove(group, chunk.numbers[at]!);
      removed += 1;
    }
    if (removed >= SLICE_ENTRIES) break;
    if (chunk.end === undefined) {
      writer.flush();
      return true;
    }
  }
  writer.flush();
  return false;
}

/**
 * Removes all entries: the index is built again, in slices. `hasDated`: a conversation has a create time of
 * its own. Runs in a write transaction.
 */
export function resetLists({ meta, postings }: Pick<Tables, 'meta' | 'postings'>, hasDated: boolean): void {
  postings.clear();
  const stored = undefinedIfCorrupt(() => readDimensions(meta));
  if (stored === undefined) meta.remove(DIMENSIONS_KEY);
  const kept = (stored ?? readDimensions(meta)).filter(({ dropped }) => !dropped);
  const lacksCreated = hasDated && !kept.some(({ id }) => id === CREATED);
  const dimensions = lacksCreated ? [...kept, createdDimension(1)] : kept;
  if (stored === undefined && !lacksCreated) return;
  writeDimensions(
    meta,
    dimensions.map((each) => ({ ...each, to: 0 })).sort((a, b) => a.id - b.id),
  );
}
