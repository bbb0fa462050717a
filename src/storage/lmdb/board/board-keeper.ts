import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../contract/change.js';
import type { OpenVault } from '../open-vault.js';
import { referenceOfKey } from '../segments/references.js';
import { RefCounts } from '../segments/ref-counts.js';
import { SegmentReader, trustsDamagedPacks } from '../packs/segment-reader.js';
import { KeyIndex } from '../tables/key-index.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState, storedFigure } from '../tables/meta.js';
import type { SegmentId } from '../tables/ids.js';
import { type Board, entriesWith, readBoard, readRisen, type UseSpan, withUse, writeBoard } from './board.js';
import { type BoardMemory, SeenUses } from './board-changes.js';
import { isTooShort } from './board-query.js';
import { choose, counted } from './choice.js';
import { findFirstUse, usesSegment } from './first-use.js';
import { Found } from './found.js';
import { scanContents } from './scan.js';

/** Conversations that a page of shared segments reads itself, a millisecond for 256. */
const BEHIND_MAX = 512;
/** Commits between two looks at how far the board's uses are behind. */
const COMMITS_PER_LOOK = 64;
/** Pause between two slices: calls take several turns of the event loop. */
const PAUSE_MS = 1;
/** Time after a loss of references until the board's length is looked at, for all that are lost meanwhile. */
const LOSS_PAUSE_MS = 250;
/** Outside references that one slice looks at. */
const SLICE_REFERENCES = 4096;

/**
 * Keeps the uses of the board's segments, in slices beside the commits of others, and builds a board where
 * there is none: in a vault of an earlier version, after a repair, and when deletions have made it too short.
 */
export class BoardKeeper {
  #commits = 0;
  /** The board's `to`; undefined if nobody has looked at it yet. */
  #to: number | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #afterLoss: NodeJS.Timeout | undefined;

  constructor(
    private readonly vault: OpenVault,
    private readonly write: <T>(task: () => T) => Promise<T>,
    private readonly behindMax = BEHIND_MAX,
  ) {}

  /** To be called after each commit, and when the vault was opened. */
  notice(change?: Change): void {
    if (this.#stopped) return;
    if (change && takesReferences(change)) this.#noticeLoss();
    if (this.#running) return;
    if (this.#commits++ % Math.min(COMMITS_PER_LOOK, this.behindMax) > 0) return;
    if (this.#to === undefined || this.#isFarBehind(this.#to)) this.#start();
  }

  /** To be called when the board did not know an answer, or was removed. */
  look(): void {
    this.#to = undefined;
    this.memory.reread();
    this.#start();
  }

  /** Workers read the board too, and do not ask for another one when it has become too short. */
  #noticeLoss(): void {
    this.#afterLoss ??= setTimeout(() => {
      this.#afterLoss = undefined;
      if (this.#running) this.#noticeLoss();
      else this.#start();
    }, LOSS_PAUSE_MS).unref();
  }

  #start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = this.#run().finally(() => (this.#running = undefined));
  }

  /** By conversations, or by appends to older ones: what commits have seen is in memory until then. */
  #isFarBehind(to: number): boolean {
    const behind = readState(this.vault.tables.meta).lastConversation - to;
    return Math.max(behind, this.memory.seen?.bringers ?? 0) > this.behindMax;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#afterLoss);
    await this.#running;
  }

  /** Failures, on a damaged page or a full disk, are left: the next commits try again. */
  async #run(): Promise<void> {
    try {
      const { tables } = this.vault;
      const to = readBoard(tables.meta)?.to ?? 0;
      if (this.#isFarBehind(to)) await this.#follow();
      if (isTooShort(tables, this.memory.limits)) await this.#build();
      this.#to = readBoard(tables.meta)?.to;
    } catch {
      this.#commits = 1;
    }
  }

  /** Enters the uses of the conversations that the board does not have yet. */
  async #follow(): Promise<void> {
    const { memory, vault } = this;
    const { meta } = vault.tables;
    const { seen } = memory;
    const { lastConversation, nextSegment } = seen
      ? { lastConversation: seen.to, nextSegment: seen.nextSegment }
      : readState(meta);
    const to = lastConversation;
    // Commits go on with these: nothing of the next conversations is lost.
    memory.seen = new SeenUses(to, nextSegment);
    try {
      const board = readBoard(meta);
      if (!board) return;
      const read = await this.#readUses(board, seen?.from ?? to);
      if (seen) await this.#readUnseen(board, seen, read);
      await this.#change(() => {
        const current = readBoard(meta);
        if (!current) return;
        const entries = entriesWith(current.entries, readRisen(meta));
        for (const entry of entries) {
          for (const uses of [read.get(entry.id), seen?.spans.get(entry.id)])
            entry.uses = joined(entry.uses, uses);
        }
        writeBoard(meta, { ...current, to, nextSegment, entries });
      });
    } catch (error) {
      memory.seen = undefined;
      throw error;
    }
  }

  /** Reads the uses of a board's segments by conversations after its own, up to a number. */
  async #readUses(board: Board, to: number): Promise<Map<SegmentId, UseSpan>> {
    const { tables, nameOf } = this.vault;
    const uses = new Map<SegmentId, UseSpan>();
    const wanted = new Set<SegmentId>();
    for (const { id, uses: known } of entriesWith(board.entries, readRisen(tables.meta))) {
      wanted.add(id);
      // Newer segments are in the conversations after those that the board has.
      if (known || id >= board.nextSegment) continue;
      const remembered = this.memory.firstUses.get(id);
      const first = remembered ?? findFirstUse(tables, nameOf, id);
      if (first) uses.set(id, withUse(undefined, first.number, first.timeMs));
      if (remembered) continue;
      await sleep(PAUSE_MS);
      this.#throwIfStopped();
    }
    await this.#scanUses({ after: board.to, to }, wanted, uses);
    return uses;
  }

  /**
   * Adds the uses that commits have not seen: the first one of a segment that rose later, which has one
   * reference then, and those by blocks that a fork shares.
   */
  async #readUnseen(board: Board, seen: SeenUses, uses: Map<SegmentId, UseSpan>): Promise<void> {
    const { tables, nameOf } = this.vault;
    const entries = entriesWith(board.entries, readRisen(tables.meta));
    let after = seen.unreadAfter;
    for (const { id, uses: known } of entries) {
      const first = known ? undefined : seen.firstOf(id);
      if (!first) continue;
      // It may have the segment in a field, or not at all: segments can be stored without conversations.
      if (usesSegment(tables, nameOf, first.number, id) === false) after = seen.from;
      else uses.set(id, withUse(uses.get(id), first.number, first.timeMs));
      await sleep(PAUSE_MS);
      this.#throwIfStopped();
    }
    if (after === undefined) return;
    await this.#scanUses({ after, to: seen.to }, new Set(entries.map(({ id }) => id)), uses);
  }

  /** Adds the uses of segments by a range of conversations, in slices. */
  async #scanUses(
    range: { readonly after: number; readonly to: number },
    wanted: ReadonlySet<SegmentId>,
    uses: Map<SegmentId, UseSpan>,
  ): Promise<void> {
    const { tables, nameOf } = this.vault;
    const { to } = range;
    for (let after: number | undefined = range.after; after !== undefined && after < to;) {
      after = scanContents(tables, nameOf, { after, to }, (id, _tokens, number, timeMs) => {
        if (wanted.has(id)) uses.set(id, withUse(uses.get(id), number, timeMs));
      });
      await sleep(PAUSE_MS);
      this.#throwIfStopped();
    }
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw new Error('the vault is being closed');
  }

  async #build(): Promise<void> {
    const { memory, vault } = this;
    const { tables, nameOf } = vault;
    const found = new Found(memory.limits);
    const risen = new Map<SegmentId, number>();
    // From here on, commits say which segments rise above what this scan keeps. One that is under way by now
    // would not, and what it raises is not in what is read.
    await this.write(() => (memory.building = { thresholds: () => found.thresholds, risen }));
    try {
      await this.#lookAtReferences(found);
      const { lastConversation: to, nextSegment } = readState(tables.meta);
      for (let after = 0; ;) {
        if (this.#stopped) return;
        const counts = this.#counts();
        const reached = scanContents(tables, nameOf, { after, to }, (id, tokenCount, number, timeMs) => {
          found.use(id, tokenCount, () => counts.get(id) ?? 0, number, timeMs);
        });
        if (reached === undefined) break;
        after = reached;
        await sleep(PAUSE_MS);
      }
      await this.#change(() => {
        const entries = entriesWith(found.entries(), risen);
        const { kept, thresholds } = choose(counted(tables, entries), found.thresholds, memory.limits);
        writeBoard(tables.meta, {
          ...{ to, nextSegment, thresholds },
          entries: kept.map(({ entry }) => entry),
        });
        memory.building = undefined;
      });
    } finally {
      memory.building = undefined;
    }
  }

  /** Segments that only holders outside the vault refer to are shared too. */
  async #lookAtReferences(found: Found): Promise<void> {
    const { tables } = this.vault;
    let after = Buffer.alloc(0);
    for (let looked = SLICE_REFERENCES; looked === SLICE_REFERENCES && !this.#stopped;) {
      looked = 0;
      const counts = this.#counts();
      const reader = new SegmentReader(tables, trustsDamagedPacks);
      for (const { key } of new KeyIndex(tables.references).from(after)) {
        if (looked === SLICE_REFERENCES) break;
        looked += 1;
        after = Buffer.concat([key, Buffer.alloc(1)]);
        const { id } = referenceOfKey(key);
        const references = counts.get(id) ?? 0;
        const size = references > 1 ? undefinedIfCorrupt(() => reader.size(id)) : undefined;
        if (size) found.add(id, size.tokenCount, references);
      }
      await sleep(PAUSE_MS);
    }
  }

  #counts(): RefCounts<SegmentId> {
    const { meta, refCounts, bigRefCounts } = this.vault.tables;
    return new RefCounts<SegmentId>(refCounts, bigRefCounts, storedFigure(meta, 'nextSegment'));
  }

  /** Writes the board; commits read it once more afterwards. */
  async #change<T>(task: () => T): Promise<T> {
    return this.write(() => {
      this.memory.reread();
      return task();
    });
  }

  private get memory(): BoardMemory {
    return this.vault.shared.board;
  }
}

function takesReferences({ delete: deleted, put, removeReferences = [] }: Change): boolean {
  return deleted !== undefined || put?.expect.kind === 'revision' || removeReferences.length > 0;
}

function joined(one: UseSpan | undefined, other: UseSpan | undefined): UseSpan | undefined {
  if (!other) return one;
  return withUse(withUse(one, other.firstNumber, other.firstMs), other.lastNumber, other.lastMs);
}
