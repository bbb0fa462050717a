import { canGoBy, type ConnectionPlace } from '../database/transaction.js';

/** Kinds that a process remembers; an entry takes a kilobyte at most. */
const entriesMax = 4_096;

/** Names of kinds of which this process knows that they are stored: no kind is ever deleted. */
export class KnownKinds {
  /** Places of the transactions that added them last. */
  readonly #added = new Map<string, ConnectionPlace>();

  /** True if the kind is there for a transaction of this place. */
  has(name: string, place: ConnectionPlace): boolean {
    const added = this.#added.get(name);
    return added !== undefined && canGoBy(added, place);
  }

  /** Notes the kinds that a transaction of this place has added, or found when it wanted to. */
  note(names: Iterable<string>, place: ConnectionPlace): void {
    for (const name of names) this.#added.set(name, place);
    for (const name of this.#added.keys()) {
      if (this.#added.size <= entriesMax) return;
      this.#added.delete(name);
    }
  }
}
