import { type Conversation, isDated } from '../../model/index.js';

/** A conversation, and its place in the order of creation. */
export interface NumberedConversation {
  readonly number: number;
  readonly conversation: Conversation;
}

/** Conversations by their ids, and in the order of their creation. */
export class ConversationIndex<Entry extends NumberedConversation> {
  readonly #byId = new Map<string, Entry>();
  readonly #byNumber = new Map<number, Entry>();
  /** In creation order; some numbers are of deleted conversations. */
  #numbers: number[] = [];
  /** True if a conversation has, or had, a create time of its own. */
  #hasDated = false;

  get hasDated(): boolean {
    return this.#hasDated;
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): Iterable<Entry> {
    return this.#byNumber.values();
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  /** New conversations must be set in creation order. */
  set(id: string, entry: Entry | undefined): void {
    const before = this.#byId.get(id);
    if (before) {
      this.#byId.delete(id);
      this.#byNumber.delete(before.number);
    }
    if (entry) {
      this.#hasDated ||= isDated(entry.conversation);
      this.#byId.set(id, entry);
      this.#byNumber.set(entry.number, entry);
      if (entry.number !== before?.number) this.#numbers.push(entry.number);
    }
    // A new array, so that iterations over the old one are not disturbed.
    if (this.#numbers.length > 2 * this.#byId.size + 64) {
      this.#numbers = this.#numbers.filter((number) => this.#byNumber.has(number));
    }
  }

  /**
   * Yields entries in creation order or against it, beginning after a number; entries deleted meanwhile are
   * left out.
   */
  *inOrder(newestFirst: boolean, beyond: number): Generator<Entry, void, void> {
    const numbers = this.#numbers;
    const step = newestFirst ? -1 : 1;
    let at = this.#firstWhere((number) => number >= (newestFirst ? beyond : beyond + 1));
    if (newestFirst) at -= 1;
    for (; at >= 0 && at < numbers.length; at += step) {
      const entry = this.#byNumber.get(numbers[at] as number);
      if (entry) yield entry;
    }
  }

  /**
   * Returns the number of the first conversation stored at this time or later; undefined if there is none.
   */
  numberFrom(storeTimeMs: number): number | undefined {
    return this.#numbers[this.#firstWhere((_, index) => !this.#storedBefore(index, storeTimeMs))];
  }

  /** Returns the first index at which a condition holds; it must hold from there on. */
  #firstWhere(holds: (number: number, index: number) => boolean): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(this.#numbers[middle] as number, middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Examines the conversation at an index of the order, or the next one that still exists. */
  #storedBefore(index: number, timeMs: number): boolean {
    for (let at = index; at < this.#numbers.length; at++) {
      const entry = this.#byNumber.get(this.#numbers[at] as number);
      if (entry) return entry.conversation.storeTimeMs < timeMs;
    }
    return false;
  }
}
