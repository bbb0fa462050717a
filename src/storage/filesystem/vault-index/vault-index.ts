import { assert, present, type SegmentHash } from '../../../model/index.js';
import { ConversationIndex } from '../../shared/conversation-index.js';
import type { RecordIndex } from '../../shared/record-queries.js';
import {
  addFigures,
  type ConversationEntry,
  type Figures,
  figuresOfConversation,
  figuresOfHolders,
  figuresOfSegment,
  noFigures,
  type SegmentEntry,
} from './figures.js';
import { RegistryIndex } from './registry-index.js';
import { RequestIndex } from './requests.js';

/** Everything that is committed, without messages and frames, in memory. Only a commit changes it. */
export class VaultIndex implements RecordIndex<SegmentEntry> {
  readonly #segments = new Map<SegmentHash, SegmentEntry>();
  readonly #segmentsById = new Map<number, SegmentEntry>();
  readonly #garbage = new Set<number>();
  readonly #holderBytes = new Map<SegmentHash, number>();
  readonly #conversations = new ConversationIndex<ConversationEntry>();
  #figures: Figures = noFigures;
  /** References to segments that are not stored: damage, which a later store of the segment repairs. */
  readonly missing = new Map<SegmentHash, number>();
  readonly registries = new RegistryIndex();
  readonly requests = new RequestIndex();
  sequence = 0;
  nextSegment = 1;
  nextConversation = 1;
  lastStoreTimeMs = 0;

  get figures(): Figures {
    return this.#figures;
  }

  segment(hash: SegmentHash): SegmentEntry | undefined {
    return this.#segments.get(hash);
  }

  segmentById(id: number): SegmentEntry | undefined {
    return this.#segmentsById.get(id);
  }

  segments(): Iterable<SegmentEntry> {
    return this.#segments.values();
  }

  /** Returns garbage above an id, lowest id first. */
  garbageAfter(id: number): SegmentEntry[] {
    const ids = [...this.#garbage].filter((each) => each > id).sort((a, b) => a - b);
    return ids.map((each) => present(this.#segmentsById.get(each), 'garbage is stored', each));
  }

  conversation(id: string): ConversationEntry | undefined {
    return this.#conversations.get(id);
  }

  /** Same as ConversationIndex.inOrder(). */
  inOrder(newestFirst: boolean, beyond: number): Iterable<ConversationEntry> {
    return this.#conversations.inOrder(newestFirst, beyond);
  }

  /**
   * Returns the number of the first conversation created at this time or later; one beyond the last if there
   * is none.
   */
  get hasDated(): boolean {
    return this.#conversations.hasDated;
  }

  numberFrom(storeTimeMs: number): number {
    return this.#conversations.numberFrom(storeTimeMs) ?? this.nextConversation;
  }

  /**
   * Yields the size of the file of a segment's outside holders, 0 without one, by the segment's hash, stored
   * or not.
   */
  holderBytes(): Iterable<readonly [SegmentHash, number]> {
    return this.#holderBytes;
  }

  setHolderBytes(hash: SegmentHash, bytes: number): void {
    this.#count(figuresOfHolders(this.#holderBytes.get(hash) ?? 0), -1);
    this.#count(figuresOfHolders(bytes), 1);
    if (bytes > 0) this.#holderBytes.set(hash, bytes);
    else this.#holderBytes.delete(hash);
  }

  setSegment(hash: SegmentHash, entry: SegmentEntry | undefined): void {
    const before = this.#segments.get(hash);
    if (before) {
      this.#count(figuresOfSegment(before), -1);
      this.registries.uses.count(before, -1);
      this.#segments.delete(hash);
      this.#segmentsById.delete(before.id);
      this.#garbage.delete(before.id);
    }
    if (!entry) return;
    assert(!this.#segmentsById.has(entry.id), 'two segments have two ids', entry.id);
    this.#count(figuresOfSegment(entry), 1);
    this.registries.uses.count(entry, 1);
    this.#segments.set(hash, entry);
    this.#segmentsById.set(entry.id, entry);
    if (entry.references === 0) this.#garbage.add(entry.id);
  }

  /** New conversations must be set in creation order. */
  setConversation(id: string, entry: ConversationEntry | undefined): void {
    const before = this.#conversations.get(id);
    if (before) this.#count(figuresOfConversation(before), -1);
    if (entry) this.#count(figuresOfConversation(entry), 1);
    this.#conversations.set(id, entry);
  }

  #count(figures: Figures, sign: 1 | -1): void {
    this.#figures = addFigures(this.#figures, figures, sign);
  }
}
