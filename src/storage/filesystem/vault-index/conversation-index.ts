import type { ConversationEntry } from './figures.js';

/** Conversations by their ids, and in the order in which they were created. */
export class ConversationIndex {
  readonly #byId = new Map<string, ConversationEntry>();
  readonly #byNumber = new Map<number, ConversationEntry>();
  /** In creation order; some are of conversations that are gone. */
  #numbers: number[] = [];

  get(id: string): ConversationEntry | undefined {
    return this.#byId.get(id);
  }

  /** New conversations come in creation order. */
  set(id: string, entry: ConversationEntry | undefined): void {
    const before = this.#byId.get(id);
    if (before) {
      this.#byId.delete(id);
      this.#byNumber.delete(before.number);
    }
    if (entry) {
      this.#byId.set(id, entry);
      this.#byNumber.set(entry.number, entry);
      if (entry.number !== before?.number) this.#numbers.push(entry.number);
    }
    // A new array: whoever walks the old one goes on undisturbed.
    if (this.#numbers.length > 2 * this.#byId.size + 64) {
      this.#numbers = this.#numbers.filter((number) => this.#byNumber.has(number));
    }
  }

  /** Entries in creation order or against it, beginning beyond a number; those that go away meanwhile are left out. */
  *inOrder(newestFirst: boolean, beyond: number): Generator<ConversationEntry, void, void> {
    const numbers = this.#numbers;
    const step = newestFirst ? -1 : 1;
    let at = this.#firstWhere((number) => number >= (newestFirst ? beyond : beyond + 1));
    if (newestFirst) at -= 1;
    for (; at >= 0 && at < numbers.length; at += step) {
      const entry = this.#byNumber.get(numbers[at] as number);
      if (entry) yield entry;
    }
  }

  /** The number of the first conversation that was created then or later; undefined if none was. */
  numberFrom(createTimeMs: number): number | undefined {
    return this.#numbers[this.#firstWhere((_, index) => !this.#createdBefore(index, createTimeMs))];
  }

  /** Where in the order a condition that holds from some place on begins to. */
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

  /** Of the conversation at an index of the order, or of the next one that is still there. */
  #createdBefore(index: number, timeMs: number): boolean {
    for (let at = index; at < this.#numbers.length; at++) {
      const entry = this.#byNumber.get(this.#numbers[at] as number);
      if (entry) return entry.conversation.createTimeMs < timeMs;
    }
    return false;
  }
}
