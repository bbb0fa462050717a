/** Kinds that a process remembers; an entry takes a kilobyte at most. */
const entriesMax = 4_096;

/** Names of kinds of which this process knows that they are stored: no kind is ever deleted. */
export class KnownKinds {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  note(names: Iterable<string>): void {
    for (const name of names) this.#names.add(name);
    for (const name of this.#names) {
      if (this.#names.size <= entriesMax) return;
      this.#names.delete(name);
    }
  }
}
