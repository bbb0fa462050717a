import type { Conversation, SegmentHash } from '../../../model/index.js';
import type { SegmentKey, StoredSegment } from '../../change.js';
import type { SegmentRecord } from '../layout/records.js';
import { inBlocks } from './blocks.js';
import { RegistryIndex } from './registry-index.js';
import { RequestIndex } from './requests.js';

/** What is known of a stored segment. Never changed: a change is another entry. */
export interface SegmentEntry extends SegmentRecord {
  /** The number of manifests that name it, and of outside holders. */
  readonly references: number;
  readonly sidecarBytes: number;
  /** The commit since which it has none; 0 for one before the vault was opened. */
  readonly unreferencedSequence: number;
}

/** What is known of a conversation; its messages are in its manifest. Never changed. */
export interface ConversationEntry {
  readonly number: number;
  readonly conversation: Conversation;
  readonly manifestBytes: number;
}

/** What the index counts. */
export interface Figures {
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly segments: number;
  readonly uniqueTokens: number;
  readonly segmentBytes: number;
  readonly garbageSegments: number;
  readonly garbageBytes: number;
  /** Of manifests, frames, their sidecars and their holders; registries and requests are not counted here. */
  readonly fileBytes: number;
  /** The same in whole blocks of the disk, with a folder for each segment: few share one. */
  readonly blockBytes: number;
}

export const noFigures: Figures = {
  conversations: 0,
  messages: 0,
  tokens: 0,
  segments: 0,
  uniqueTokens: 0,
  segmentBytes: 0,
  garbageSegments: 0,
  garbageBytes: 0,
  fileBytes: 0,
  blockBytes: 0,
};

/** Everything that is committed, without messages and frames, in memory. Only a commit changes it. */
export class VaultIndex {
  readonly #segments = new Map<SegmentHash, SegmentEntry>();
  readonly #segmentsById = new Map<number, SegmentEntry>();
  readonly #garbage = new Set<number>();
  readonly #holderBytes = new Map<SegmentHash, number>();
  readonly #conversations = new Map<string, ConversationEntry>();
  readonly #conversationsByNumber = new Map<number, ConversationEntry>();
  /** In creation order; some are of conversations that are gone. */
  #numbers: number[] = [];
  #figures: Figures = noFigures;
  /** References to segments that are not stored: damage, which a later store of the segment heals. */
  readonly missing = new Map<SegmentHash, number>();
  readonly registries = new RegistryIndex();
  readonly requests = new RequestIndex();
  sequence = 0;
  nextSegment = 1;
  nextConversation = 1;
  lastCreateTimeMs = 0;

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

  /** Garbage above an id, lowest id first. */
  garbageAfter(id: number): SegmentEntry[] {
    const ids = [...this.#garbage].filter((each) => each > id).sort((a, b) => a - b);
    return ids.flatMap((each) => this.#segmentsById.get(each) ?? []);
  }

  conversation(id: string): ConversationEntry | undefined {
    return this.#conversations.get(id);
  }

  conversations(): Iterable<ConversationEntry> {
    return this.#conversations.values();
  }

  /** Entries in creation order or against it, beginning beyond a number; those that go away meanwhile are left out. */
  *inOrder(newestFirst: boolean, beyond: number): Generator<ConversationEntry, void, void> {
    const numbers = this.#numbers;
    const step = newestFirst ? -1 : 1;
    let at = newestFirst ? this.#firstAtOrAfter(beyond) - 1 : this.#firstAtOrAfter(beyond + 1);
    for (; at >= 0 && at < numbers.length; at += step) {
      const entry = this.#conversationsByNumber.get(numbers[at] as number);
      if (entry) yield entry;
    }
  }

  /** The number of the first conversation that was created then or later; one beyond the last if none was. */
  numberFrom(createTimeMs: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#createdBefore(middle, createTimeMs)) low = middle + 1;
      else high = middle;
    }
    return this.#numbers[low] ?? this.nextConversation;
  }

  /** The bytes of the file of a segment's outside holders, 0 without one; by the segment's hash, stored or not. */
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
    this.#count(figuresOfSegment(entry), 1);
    this.registries.uses.count(entry, 1);
    this.#segments.set(hash, entry);
    this.#segmentsById.set(entry.id, entry);
    if (entry.references === 0) this.#garbage.add(entry.id);
  }

  /** New conversations come in creation order. */
  setConversation(id: string, entry: ConversationEntry | undefined): void {
    const before = this.#conversations.get(id);
    if (before) {
      this.#count(figuresOfConversation(before), -1);
      this.#conversations.delete(id);
      this.#conversationsByNumber.delete(before.number);
    }
    if (entry) {
      this.#count(figuresOfConversation(entry), 1);
      this.#conversations.set(id, entry);
      this.#conversationsByNumber.set(entry.number, entry);
      if (entry.number !== before?.number) this.#numbers.push(entry.number);
    }
    // A new array: whoever walks the old one goes on undisturbed.
    if (this.#numbers.length > 2 * this.#conversations.size + 64) {
      this.#numbers = this.#numbers.filter((number) => this.#conversationsByNumber.has(number));
    }
  }

  #firstAtOrAfter(number: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of the conversation at an index of the order, or of the next one that is still there. */
  #createdBefore(index: number, timeMs: number): boolean {
    for (let at = index; at < this.#numbers.length; at++) {
      const entry = this.#conversationsByNumber.get(this.#numbers[at] as number);
      if (entry) return entry.conversation.createTimeMs < timeMs;
    }
    return false;
  }

  #count(figures: Figures, sign: 1 | -1): void {
    this.#figures = addFigures(this.#figures, figures, sign);
  }
}

export function storedSegment({ id, tokenCount, frameBytes }: SegmentEntry): StoredSegment {
  return { key: id as SegmentKey, tokenCount, frameBytes };
}

export function addFigures(sum: Figures, added: Figures, sign: 1 | -1): Figures {
  const names = Object.keys(sum) as (keyof Figures)[];
  return Object.fromEntries(
    names.map((name) => [name, sum[name] + sign * added[name]]),
  ) as unknown as Figures;
}

export function figuresOfSegment(entry: SegmentEntry): Figures {
  const { tokenCount, frameBytes, sidecarBytes, references } = entry;
  return {
    ...noFigures,
    segments: 1,
    uniqueTokens: tokenCount,
    segmentBytes: frameBytes,
    garbageSegments: references === 0 ? 1 : 0,
    garbageBytes: references === 0 ? frameBytes : 0,
    fileBytes: frameBytes + sidecarBytes,
    blockBytes: inBlocks(frameBytes) + inBlocks(sidecarBytes) + inBlocks(1),
  };
}

export function figuresOfConversation({ conversation, manifestBytes }: ConversationEntry): Figures {
  return {
    ...noFigures,
    conversations: 1,
    messages: conversation.messageCount,
    tokens: conversation.totalTokens,
    fileBytes: manifestBytes,
    blockBytes: inBlocks(manifestBytes),
  };
}

export function figuresOfHolders(bytes: number): Figures {
  return { ...noFigures, fileBytes: bytes, blockBytes: inBlocks(bytes) };
}
