import type { Tables } from '../tables/environment.js';
import type { State } from '../tables/meta.js';
import type { SegmentId } from '../tables/ids.js';
import {
  type BoardEntry,
  encodeRisen,
  entriesWith,
  readBoard,
  readRisen,
  RISEN_KEY,
  type Risen,
  type Thresholds,
  type UseSpan,
  withUse,
  writeBoard,
} from './board.js';
import { boardLimits, choose, isAbove } from './choice.js';
import type { Use } from './first-use.js';

/** Facts of the stored board that commits need. */
interface KnownBoard {
  readonly thresholds: Thresholds;
  readonly ids: Set<SegmentId>;
  readonly risen: Risen;
}

/** Segments that rise while a board is built, which has thresholds of its own by then. */
export interface Building {
  readonly thresholds: () => Thresholds;
  readonly risen: Map<SegmentId, number>;
}

/** Uses that commits have seen, so that nobody has to read their conversations again. */
export class SeenUses {
  readonly spans = new Map<SegmentId, UseSpan>();
  /** Lists that brought segments, in the order of their commits: those below `nextSegment`. */
  readonly #bringers: Omit<Written, 'ids'>[] = [];
  /** Number after which conversations are to be read, since commits have not seen all of their uses. */
  #unreadAfter: number | undefined;

  /** Number up to which the uses of all conversations after `from` are here. */
  to: number;
  /** Segments below this one were stored when conversation `to` was. */
  nextSegment: number;

  /** Uses by conversations after `from`, whose new segments are from `firstSegment` on. */
  constructor(
    readonly from: number,
    private readonly firstSegment: number,
  ) {
    this.to = from;
    this.nextSegment = firstSegment;
  }

  /** Lists that are remembered one by one. */
  get bringers(): number {
    return this.#bringers.length;
  }

  /** Number after which conversations are to be read; undefined if all uses by conversations are here. */
  get unreadAfter(): number | undefined {
    return this.#unreadAfter;
  }

  add({ nextSegment, use, ids, sharesBlocks }: Written): void {
    if (nextSegment > this.nextSegment) this.#bringers.push({ nextSegment, use });
    this.nextSegment = nextSegment;
    if (!use) return;
    this.to = Math.max(this.to, use.number);
    if (sharesBlocks) this.#unreadAfter ??= use.number - 1;
    for (const id of ids) this.spans.set(id, withUse(this.spans.get(id), use.number, use.timeMs));
  }

  /** Returns the use by the list that was written first after a segment was stored, if it was new. */
  firstOf(id: SegmentId): Use | undefined {
    if (id < this.firstSegment) return undefined;
    let [low, high] = [0, this.#bringers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bringers[middle]!.nextSegment > id) high = middle;
      else low = middle + 1;
    }
    return this.#bringers[low]?.use;
  }
}

/** A list that was written. */
interface Written {
  readonly nextSegment: number;
  /** Undefined if its conversation was not stored now. */
  readonly use: Use | undefined;
  /** Segments of the board in it. */
  readonly ids: readonly SegmentId[];
  /** True if it begins with blocks of another list, whose segments nobody has looked at. */
  readonly sharesBlocks?: boolean;
}

/** The board of the process that writes, between transactions. */
export class BoardMemory {
  /** Null: the vault has no board. Undefined: it is not read yet. */
  known: KnownBoard | null | undefined;
  building: Building | undefined;
  /** Undefined: nothing is known of the last conversations. */
  seen: SeenUses | undefined;
  readonly firstUses = new FirstUses();

  constructor(readonly limits = boardLimits) {}

  /** Forgets what is stored, which is read again. */
  reread(): void {
    this.known = undefined;
  }

  clear(): void {
    this.known = undefined;
    this.seen = undefined;
    this.firstUses.clear();
  }
}

/** Limit of the first uses that are remembered: about two megabytes. */
const FIRST_USES_MAX = 16_384;

/** First uses of segments that a board left out: they may rise again, and to find one takes many records. */
class FirstUses {
  readonly #uses = new Map<SegmentId, Use>();

  note(id: SegmentId, { firstNumber: number, firstMs: timeMs }: UseSpan): void {
    if (this.#uses.size >= FIRST_USES_MAX) this.#uses.clear();
    this.#uses.set(id, { number, timeMs });
  }

  get(id: SegmentId): Use | undefined {
    return this.#uses.get(id);
  }

  clear(): void {
    this.#uses.clear();
  }
}

/**
 * Changes of the board in one write transaction: segments whose references rise above its thresholds are
 * noted in a record of `meta`, where every commit writes a page anyway; many of them are put on the board.
 * Ends with flush().
 */
export class BoardChanges {
  readonly #risen = new Map<SegmentId, number>();
  readonly #whileBuilding = new Map<SegmentId, number>();
  #after: KnownBoard | undefined;
  /** Those of them that the record has. A board that is cut down may leave them out. */
  #noted: Risen = new Map();
  /** Segments of the board in the list that is being written. */
  #held: SegmentId[] = [];
  readonly #written: Written[] = [];
  readonly #from: Pick<State, 'lastConversation' | 'nextSegment'>;

  constructor(
    private readonly meta: Tables['meta'],
    private readonly memory: BoardMemory,
    { lastConversation, nextSegment }: State,
    private readonly referencesOf: (id: SegmentId) => number | undefined,
  ) {
    this.#from = { lastConversation, nextSegment };
  }

  /** Notes that a segment got a reference, by the content of a message or from outside. */
  raise(id: SegmentId, tokenCount: number, references: number): void {
    const { building } = this.memory;
    if (building && isAbove(building.thresholds(), tokenCount, references))
      this.#whileBuilding.set(id, tokenCount);
    const known = this.#known();
    if (!known) return;
    if (!known.ids.has(id)) {
      if (!isAbove(known.thresholds, tokenCount, references)) return;
      this.#risen.set(id, tokenCount);
    }
    this.#held.push(id);
  }

  /** Notes that a list was written, and its conversation if that was stored now. */
  written(nextSegment: number, use?: Use, sharesBlocks = false): void {
    this.#written.push({ nextSegment, use, ids: this.#held, sharesBlocks });
    this.#held = [];
  }

  /** To be called before reference counts are written. */
  flush(): void {
    if (this.#risen.size === 0) return;
    const known = this.#known();
    if (!known) return;
    const risen = new Map([...known.risen, ...this.#risen]);
    const record = encodeRisen(risen);
    if (record.length <= this.memory.limits.risenBytes) {
      this.meta.put(RISEN_KEY, record);
      this.#after = { ...known, risen };
      this.#noted = this.#risen;
    } else this.#after = this.#rewritten(known.thresholds, risen);
  }

  /** Updates the memory after the commit. */
  committed(): void {
    const { memory } = this;
    for (const [id, tokenCount] of this.#whileBuilding) memory.building?.risen.set(id, tokenCount);
    if (this.#written.length > 0) {
      memory.seen ??= new SeenUses(this.#from.lastConversation, this.#from.nextSegment);
      for (const written of this.#written) memory.seen.add(written);
    }
    if (!this.#after) return;
    memory.known = this.#after;
    for (const id of this.#noted.keys()) memory.known.ids.add(id);
  }

  #known(): KnownBoard | null {
    const { memory } = this;
    if (memory.known === undefined) memory.known = this.#read();
    return memory.known;
  }

  #read(): KnownBoard | null {
    const board = readBoard(this.meta);
    if (!board) return null;
    const risen = readRisen(this.meta);
    const ids = new Set(entriesWith(board.entries, risen).map(({ id }) => id));
    return { thresholds: board.thresholds, ids, risen };
  }

  /** Writes a board that has all that rose, cut down if it is too long. */
  #rewritten(before: Thresholds, risen: Risen): KnownBoard | undefined {
    const board = readBoard(this.meta);
    if (!board) return undefined;
    const all = entriesWith(board.entries, risen);
    const { entries, thresholds } =
      all.length > this.memory.limits.entries ? this.#cut(all, before) : { entries: all, thresholds: before };
    writeBoard(this.meta, { ...board, thresholds, entries });
    return { thresholds, ids: new Set(entries.map(({ id }) => id)), risen: new Map<SegmentId, number>() };
  }

  #cut(all: readonly BoardEntry[], before: Thresholds) {
    const counted = all.map((entry) => ({ entry, references: this.referencesOf(entry.id) ?? 0 }));
    const { kept, thresholds } = choose(counted, before, this.memory.limits);
    const entries = kept.map(({ entry }) => entry);
    const ids = new Set(entries.map(({ id }) => id));
    for (const { id, uses } of all) if (uses && !ids.has(id)) this.memory.firstUses.note(id, uses);
    return { entries, thresholds };
  }
}
