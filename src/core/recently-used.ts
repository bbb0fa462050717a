/** What an entry takes beside its bytes, about: objects, and the room that V8 leaves beside what lives. */
const ENTRY_BYTES = 400;

/**
 * Keeps what was used lately, in so many bytes at most. What is asked for again moves from the older generation to the
 * younger one; when that has half of the bytes, the older one goes.
 */
export class RecentlyUsed<Key, Value> {
  #younger = new Map<Key, Value>();
  #older = new Map<Key, Value>();
  #youngerBytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly bytesOf: (value: Value) => number,
    /** What is kept of a value that outlives those that it came with. */
    private readonly own: (value: Value) => Value = (value) => value,
  ) {}

  get(key: Key): Value | undefined {
    const younger = this.#younger.get(key);
    if (younger !== undefined) return younger;
    const older = this.#older.get(key);
    if (older === undefined) return undefined;
    const own = this.own(older);
    this.set(key, own);
    return own;
  }

  set(key: Key, value: Value): void {
    const before = this.#younger.get(key);
    if (before !== undefined) this.#youngerBytes -= this.#cost(before);
    this.#younger.set(key, value);
    this.#youngerBytes += this.#cost(value);
    if (this.#youngerBytes < this.bytesMax / 2) return;
    this.#older = this.#younger;
    this.#younger = new Map();
    this.#youngerBytes = 0;
  }

  #cost(value: Value): number {
    return this.bytesOf(value) + ENTRY_BYTES;
  }
}
