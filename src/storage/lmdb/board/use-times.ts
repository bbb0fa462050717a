import { type Expiry, isExpired } from '../../../model/index.js';
import type { UseTimes } from '../../contract/shared.js';
import { BackgroundTurns } from '../../shared/background.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { recordsAfter } from '../conversations/chain.js';
import { decodeManifest, type StoredManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { scanMessages } from '../conversations/message-list.js';
import { readBlock } from '../conversations/stored-list.js';
import { readCounts, readReferences } from '../segments/ref-counts.js';
import { referenceOfKey } from '../segments/references.js';
import type { Tables } from '../tables/environment.js';
import type { BlockId, SegmentId } from '../tables/ids.js';
import { KeyIndex } from '../tables/key-index.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { Pin } from '../tables/table.js';
import { findFirstUse } from './first-use.js';

type UseTables = Pick<
  Tables,
  | 'meta'
  | 'conversations'
  | 'messageBlocks'
  | 'blockCounts'
  | 'bigBlockCounts'
  | 'refCounts'
  | 'bigRefCounts'
  | 'references'
>;

/** Conversations between two looks at the time. */
const SLICE = 64;
/** Outside references that are looked through for those to the segment; with more, nobody knows them. */
const OUTSIDE_MAX = 65_536;
/** Blocks without the segment that are remembered: conversations share blocks with their forks. */
const BLOCKS_MAX = 65_536;

interface Query {
  readonly id: SegmentId;
  readonly expiry: Expiry | undefined;
  readonly signal: AbortSignal;
}

/**
 * Yields the create times of the conversations of a state that have a segment. Begins with the first one, and
 * ends when all references of the segment are found, and all lists that share a block with it: it reads the
 * conversations between the first and the last one with it. Those before are read only if some of them got
 * it by an append.
 * @throws StowkenError CANCELLED
 */
export async function* useTimes(
  tables: UseTables,
  pin: Pin,
  nameOf: StringOf,
  { id, expiry, signal }: Query,
): AsyncGenerator<UseTimes, void, void> {
  const pinned: UseTables = {
    meta: tables.meta.at(pin),
    conversations: tables.conversations.at(pin),
    messageBlocks: tables.messageBlocks.at(pin),
    blockCounts: tables.blockCounts.at(pin),
    bigBlockCounts: tables.bigBlockCounts.at(pin),
    refCounts: tables.refCounts.at(pin),
    bigRefCounts: tables.bigRefCounts.at(pin),
    references: tables.references.at(pin),
  };
  const turns = new BackgroundTurns(signal);
  const holders = new Holders(pinned, id);
  const first = undefinedIfCorrupt(() => findFirstUse(pinned, nameOf, id))?.number ?? 1;
  let [createTimesMs, looked, damaged]: [number[], number, number] = [[], 0, 0];
  for (const [from, before] of [
    [first, Infinity],
    [1, first],
  ] as const) {
    for (let after: number | undefined = from - 1; after !== undefined && !holders.allFound;) {
      const records = recordsAfter(pinned, after, SLICE);
      after = undefined;
      for (const { key, value } of records) {
        if (key >= before || holders.allFound) break;
        after = key;
        looked += 1;
        const manifest = value && undefinedIfCorrupt(() => decodeManifest(value, nameOf));
        const has = manifest && holders.has(manifest);
        if (has === undefined) damaged += 1;
        else if (has && !(expiry && isExpired(manifest.conversation, expiry)))
          createTimesMs.push(manifest.conversation.createTimeMs);
      }
      if (!turns.due) continue;
      yield { createTimesMs, looked, damaged };
      [createTimesMs, looked, damaged] = [[], 0, 0];
      await turns.pause();
    }
  }
  yield { createTimesMs, looked, damaged };
}

/**
 * Parts of message lists that have a segment, until there are as many as the segment has references, and all
 * lists that share such a block.
 */
class Holders {
  /** References by parts of lists; infinite if nobody knows how many come from outside. */
  readonly #references: number;
  readonly #blocksWith = new Set<BlockId>();
  readonly #blocksWithout = new Set<BlockId>();
  #tails = 0;
  /** Lists that name one of the blocks with the segment, and were not come to yet. */
  #listsLeft = 0;

  constructor(
    private readonly tables: UseTables,
    private readonly id: SegmentId,
  ) {
    this.#references = undefinedIfCorrupt(() => referencesByLists(tables, id)) ?? Infinity;
  }

  get allFound(): boolean {
    return this.#listsLeft <= 0 && this.#tails + this.#blocksWith.size >= this.#references;
  }

  /** Returns whether a conversation has the segment; undefined if a part that may have it is damaged. */
  has({ list: { directory, tail } }: StoredManifest): boolean | undefined {
    const blocks = undefinedIfCorrupt(() => [...decodeDirectory(directory)]);
    let [isThere, isDamaged] = [false, blocks === undefined];
    for (const { id } of blocks ?? []) {
      const isIn = undefinedIfCorrupt(() => this.#isInBlock(id));
      if (isIn === undefined) isDamaged = true;
      else if (isIn) isThere = true;
    }
    const isInTail = undefinedIfCorrupt(() => this.#isIn(tail));
    if (isInTail) this.#tails += 1;
    if (isThere || isInTail) return true;
    return isDamaged || isInTail === undefined ? undefined : false;
  }

  #isInBlock(block: BlockId): boolean {
    if (this.#blocksWithout.has(block)) return false;
    if (!this.#blocksWith.has(block)) {
      if (!this.#isIn(readBlock(this.tables.messageBlocks, block))) {
        if (this.#blocksWithout.size >= BLOCKS_MAX) this.#blocksWithout.clear();
        this.#blocksWithout.add(block);
        return false;
      }
      this.#blocksWith.add(block);
      this.#listsLeft += undefinedIfCorrupt(() => listsWith(this.tables, block)) || Infinity;
    }
    this.#listsLeft -= 1;
    return true;
  }

  #isIn(part: Uint8Array): boolean {
    let isIn = false;
    scanMessages(part, (id) => (isIn ||= id === this.id));
    return isIn;
  }
}

/** Returns how many message lists name a block; 0 if their count was lost with a damaged page. */
function listsWith({ blockCounts, bigBlockCounts }: UseTables, block: BlockId): number {
  return readCounts(blockCounts, bigBlockCounts, [block])[0]!;
}

/** Returns the references of a segment that come from message lists; undefined if that takes too long. */
function referencesByLists(tables: UseTables, id: SegmentId): number | undefined {
  const [all = 0] = readReferences(tables, [id]);
  let [outside, looked] = [0, 0];
  for (const { key } of new KeyIndex(tables.references).from(Buffer.alloc(0))) {
    if (looked++ === OUTSIDE_MAX) return undefined;
    if (referenceOfKey(key).id === id) outside += 1;
  }
  return all - outside;
}
