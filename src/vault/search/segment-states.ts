import { RecentlyUsed } from '../../core/index.js';
import { limits } from '../../model/index.js';
import type { SegmentKey, StoredMessage } from '../../storage/index.js';

/** Slots of the memory of segments with a number; 2 MB. */
const slots = 2 ** 18;
const statesMax = 256;

/** A segment to scan, with the state of the automaton before it. */
export interface SegmentScan {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  readonly before: number;
}

/** States of a needle's automaton behind the segments seen last, by the state before them. */
export class SegmentStates {
  /** Key and state before it of each slot, as a number from 1 on; 0: the slot is empty. */
  readonly #keys = new Float64Array(slots);
  readonly #behind = new Uint8Array(slots);
  readonly #byName = new RecentlyUsed<string, number>(limits.searchMemoryBytesMax / 2, () => 0);

  /** Returns the state behind a segment; undefined if it is not remembered. */
  get(key: SegmentKey, before: number): number | undefined {
    if (typeof key !== 'number') return this.#byName.get(nameOf(key, before));
    const slot = slotOf(key, before);
    return this.#keys[slot] === statesMax * key + before + 1 ? this.#behind[slot] : undefined;
  }

  set(key: SegmentKey, before: number, behind: number): void {
    if (typeof key !== 'number') return this.#byName.set(nameOf(key, before), behind);
    const slot = slotOf(key, before);
    this.#keys[slot] = statesMax * key + before + 1;
    this.#behind[slot] = behind;
  }
}

/** The state behind a segment is not known yet, but asked for. */
const wanted = -1;

/** States behind the segments of some messages: all of them are kept. */
export class WindowStates {
  /** By key; most segments are scanned with state 0 before them, and few with another one. */
  readonly #atStart = new Map<SegmentKey, number>();
  readonly #others = new Map<string, number>();
  #wanted: SegmentScan[] = [];

  constructor(private readonly remembered: SegmentStates) {}

  /** Returns the state behind a segment; undefined if it is not known yet. */
  get(key: SegmentKey, before: number): number | undefined {
    const behind = before === 0 ? this.#atStart.get(key) : this.#others.get(nameOf(key, before));
    return behind === wanted ? undefined : behind;
  }

  set({ key, before }: SegmentScan, behind: number): void {
    this.#set(key, before, behind);
    this.remembered.set(key, before, behind);
  }

  /** Takes down a segment to be scanned, unless its state is known. */
  want({ key, tokenCount }: StoredMessage['segments'][number], before: number): void {
    if (before === 0 ? this.#atStart.has(key) : this.#others.has(nameOf(key, before))) return;
    const known = this.remembered.get(key, before);
    this.#set(key, before, known ?? wanted);
    if (known === undefined) this.#wanted.push({ key, tokenCount, before });
  }

  /** Returns the segments to be scanned, each once. */
  takeWanted(): readonly SegmentScan[] {
    const scans = this.#wanted;
    this.#wanted = [];
    return scans;
  }

  #set(key: SegmentKey, before: number, behind: number): void {
    if (before === 0) this.#atStart.set(key, behind);
    else this.#others.set(nameOf(key, before), behind);
  }
}

/** Returns a slot; segments that were stored one after the other have different ones. */
function slotOf(key: number, before: number): number {
  return (key + 7919 * before) % slots;
}

function nameOf(key: SegmentKey, before: number): string {
  return `${key} ${before}`;
}
