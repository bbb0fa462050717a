import type { LiveCodec } from '../../../codec/index.js';
import { readKeyIndex } from '../check/check-key-index.js';
import { rebuild } from '../check/repair.js';
import { repairConversationPacks } from '../check/repair-conversation-packs.js';
import { StringTable } from '../conversations/string-table.js';
import { printOf } from '../segments/dense-chunk.js';
import { entriesIn } from '../segments/index-chunk.js';
import { recentEntries } from '../segments/recent-hashes.js';
import { referenceOfKey, References } from '../segments/references.js';
import { entriesOfChunk } from '../tables/bounded-chunk.js';
import type { Environment, Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { emptyState, initialise, readIdentity, readState, writeState } from '../tables/meta.js';
import type { StringCode } from '../tables/ids.js';
import type { Copied } from './copy-records.js';
import { mendConversations } from './mend-conversations.js';
import { mendRegistries, mendSegments } from './mend-segments.js';
import type { LostConversation } from './report.js';

export interface Mended {
  readonly lost: {
    readonly conversations: readonly LostConversation[];
    readonly segments: readonly number[];
    readonly registries: readonly number[];
  };
  /** Ids of kept conversations whose records were orphaned. */
  readonly orphans: readonly string[];
}

/**
 * Makes a consistent vault of the copied records: removes incomplete content, then rebuilds everything that
 * follows from the rest. One transaction.
 */
export async function mendVault(
  environment: Environment,
  codec: LiveCodec,
  { unprovenPacks, orphanedConversations }: Copied,
  vaultId: string | undefined,
  nowMs: number,
): Promise<Mended> {
  const { tables } = environment;
  return environment.write(() => {
    mendIdentity(tables, vaultId);
    const registries = mendRegistries(tables, codec, nowMs);
    const segments = mendSegments(tables, codec, unprovenPacks, printsIn(tables));
    const names = new StringTable(tables.strings);
    const nameOf = (code: StringCode) => names.stringOf(code);
    mendPacks(tables);
    const conversations = mendConversations(tables, nameOf, segments.tokens, idsIn(tables));
    mendReferences(tables);
    rebuild(tables, codec, nameOf, nowMs);
    reachLastKeys(tables);
    const orphans = [...conversations.kept].flatMap(([id, number]) =>
      orphanedConversations.has(number) ? [id] : [],
    );
    return {
      lost: { conversations: conversations.lost, segments: segments.lost, registries },
      orphans: orphans.sort(),
    };
  });
}

/** If a vault's own record is lost, its count of commits, by which garbage is dated, starts again. */
function mendIdentity(tables: Tables, vaultId: string | undefined): void {
  const known = undefinedIfCorrupt(() => readIdentity(tables.meta));
  if (known === undefined) {
    initialise(tables.meta, vaultId);
    // Fingerprints of blocks are computed with the vault's id.
    if (vaultId === undefined)
      for (const table of [tables.radixNodes, tables.conversationNodes] as const) table.clear();
  } else if (undefinedIfCorrupt(() => readState(tables.meta)) === undefined)
    writeState(tables.meta, emptyState());
  else return;
  tables.garbage.clear();
}

/** Returns the prints of segments in the index. */
function printsIn({ hashIndex, recentHashes }: Tables): Map<number, number> {
  const found = new Map<number, number>();
  for (const { key, value } of hashIndex.scan()) {
    const entries = value && undefinedIfCorrupt(() => entriesIn(key, value));
    for (const { id, print } of entries ?? []) found.set(id, print);
  }
  for (const { key, value } of recentHashes.scan()) {
    for (const { id, fingerprint } of value ? recentEntries(key, value) : [])
      found.set(id, printOf(fingerprint));
  }
  return found;
}

/** Returns conversations' ids by their numbers, from the index. */
function idsIn({ ids }: Tables): Map<number, string> {
  const found = new Map<number, string>();
  for (const { key: chunk, value } of ids.scan()) {
    for (const { key, number } of (value && undefinedIfCorrupt(() => entriesOfChunk(chunk, value))) ?? []) {
      found.set(number, key.toString('utf8'));
    }
  }
  return found;
}

/**
 * Gives packs of conversations heads where they are lost. Of an index of ids that is not whole, nobody knows
 * what it lacks: what a pack has then counts as there.
 */
function mendPacks(tables: Tables): void {
  // A record of its own that a pack has too was read from a page of an earlier state.
  for (const { number } of [...tables.conversations.packed.numbersFrom(1)])
    if (tables.conversations.hot.has(number)) tables.conversations.leaveHot(number);
  const { entries, whole } = readKeyIndex(tables.ids);
  const numbers = new Map(entries.map(({ key, number }) => [key.toString('utf8'), number]));
  repairConversationPacks(tables, (id, number) => numbers.get(id) ?? (whole ? undefined : number));
}

/** Makes an index without gaps of the readable outside references; the report counts lost records. */
function mendReferences({ references: table }: Tables): void {
  const { entries, whole } = readKeyIndex(table);
  if (whole) return;
  table.clear();
  const references = new References(table);
  for (const { key } of entries) {
    const reference = undefinedIfCorrupt(() => referenceOfKey(key));
    if (reference) references.add(reference.id, reference.holder);
  }
  references.flush();
}

/** Sets the next numbers beyond all that exist, because numbers are never reused. */
function reachLastKeys(tables: Tables): void {
  const state = readState(tables.meta);
  state.nextString = Math.max(state.nextString, (tables.strings.lastKey() ?? 0) + 1);
  writeState(tables.meta, state);
}
