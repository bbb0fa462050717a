import { ByteReader } from '../../shared/bytes.js';
import { encodeHead } from '../cold/pack-head.js';
import type { PackRecords } from '../cold/pack-records.js';
import { GAP } from '../conversations/distance.js';
import { IdIndex } from '../conversations/id-index.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';

/**
 * Looks up the number under an id, for a pack that has it under a number.
 * @throws StowkenError CORRUPT_STORE if nobody knows it any more
 */
export type NumberOf = (id: string, packed: number) => number | undefined;

/**
 * Makes heads of packs that lack one, or whose head is damaged: of the conversations in a pack, those are
 * there whose ids lead to them and that have no record of their own. A head stays damaged where the index of
 * ids is, too. Takes conversations with a record of their own out of packs. Runs in a write transaction.
 */
export function repairConversationPacks(
  tables: Tables,
  numberOf: NumberOf = (id) => new IdIndex(tables.ids).find(id),
): void {
  const { conversations, conversationPacks, conversationPackHeads } = tables;
  const { packed, hot } = conversations;
  for (const key of [...conversationPacks.keys()]) {
    const head = undefinedIfCorrupt(() => packed.headOf(key));
    if (head) {
      for (const number of head.numbers) {
        if (!hot.has(number)) continue;
        const now = packed.headOf(key);
        if (now) packed.remove({ key, head: now, damage: undefined }, number);
      }
      continue;
    }
    const records = undefinedIfCorrupt(() => packed.decoded(key));
    const numbers = records && undefinedIfCorrupt(() => numbersThere(records, numberOf));
    if (!records || !numbers) continue;
    const there = numbers.filter((number) => !hot.has(number));
    if (there.length === 0) packed.drop(key);
    else
      conversationPackHeads.put(
        key,
        encodeHead(key, { packed: records.numbers.length, numbers: there, distances: new Map() }),
      );
  }
}

function numbersThere(records: PackRecords, numberOf: NumberOf): number[] {
  return [...records.numbers].filter((number, at) => numberOf(idOf(records.at(at)), number) === number);
}

/** Returns the id in a record; see manifest.ts. */
function idOf(record: Uint8Array): string {
  const reader = new ByteReader(record);
  if (reader.varint() & GAP) reader.varint();
  return reader.text();
}

/** Returns the numbers of conversations that packs with damaged heads may have. */
export function numbersOfDamagedHeads({ conversations }: Tables, nextConversation: number): Set<number> {
  const numbers = new Set<number>();
  const packs = [...conversations.packed.heldFrom(1)];
  for (const [at, { key, head }] of packs.entries()) {
    if (head) continue;
    const end = packs[at + 1]?.key ?? nextConversation;
    for (let number = key; number < end; number++) if (!conversations.hot.has(number)) numbers.add(number);
  }
  return numbers;
}
