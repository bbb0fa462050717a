import { withDistance } from '../conversations/distance.js';
import { isDamage } from '../tables/lmdb-errors.js';
import {
  type Found,
  type Pin,
  type Range,
  Table,
  type TableDatabase,
  type Unchecked,
} from '../tables/table.js';
import { NUMBER_MAX, type PackedConversations, type PackedNumber } from './packed-conversations.js';

const NAME = 'conversations';
const NOTHING = new Uint8Array(0);

/**
 * Records of conversations, in two forms of which the callers see nothing: most of those that did not change
 * lately are in packs, the others have a record of their own. What is written gets its own record, and leaves
 * its pack.
 */
export class ConversationTable extends Table<number> {
  /** Records that are not in packs. */
  readonly hot: Table<number>;

  constructor(
    private readonly records: TableDatabase<number>,
    readonly packed: PackedConversations,
    pin?: Pin,
  ) {
    super(NAME, records, pin);
    this.hot = new Table(NAME, records, pin);
  }

  override at(pin: Pin): ConversationTable {
    return new ConversationTable(this.records, this.packed.at(pin), pin);
  }

  override get(key: number): Uint8Array | undefined {
    return this.hot.get(key) ?? this.packed.get(key);
  }

  override view(key: number): Uint8Array | undefined {
    return this.hot.view(key) ?? this.packed.get(key);
  }

  override read<T>(key: number, use: (bytes: Uint8Array, length: number) => T): T | undefined {
    const value = this.view(key);
    return value && use(value, value.length);
  }

  override unchecked(key: number): Unchecked | undefined {
    const found = this.hot.unchecked(key);
    if (found) return found;
    try {
      const value = this.packed.get(key);
      return value && { value, damage: undefined };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { value: NOTHING, damage: error };
    }
  }

  override has(key: number): boolean {
    return this.hot.has(key) || this.packed.find(key) !== undefined;
  }

  override floorKey(key: number): number | undefined {
    return first(this.#numbers(key, true));
  }

  override keyAfter(key: number): number | undefined {
    return key === NUMBER_MAX ? undefined : first(this.#numbers(key + 1, false));
  }

  override keyBefore(key: number): number | undefined {
    return key === 0 ? undefined : first(this.#numbers(key - 1, true));
  }

  override firstKey(): number | undefined {
    return first(this.#numbers(0, false));
  }

  override lastKey(): number | undefined {
    return first(this.#numbers(NUMBER_MAX, true));
  }

  override keys(): Iterable<number> {
    return this.#numbers(0, false);
  }

  override *scan({ start, end, reverse = false, limit = Infinity }: Range<number> = {}): Generator<
    Found<number>,
    void,
    void
  > {
    const from = start ?? (reverse ? NUMBER_MAX : 1);
    // LMDB takes key 0 for no key at all; numbers begin at 1.
    if (reverse && from < 1) return;
    const hot = this.hot.scan({ start: Math.max(from, 1), reverse });
    let left = limit;
    for (const each of merged(hot, ({ key }) => key, this.packed.numbersFrom(from, reverse), reverse)) {
      const isPacked = 'pack' in each;
      const key = isPacked ? each.number : each.key;
      if (left <= 0 || (end !== undefined && (reverse ? key <= end : key >= end))) return;
      left -= 1;
      yield isPacked ? this.packed.found(each) : each;
      if (left <= 0) return;
    }
  }

  override put(key: number, value: Uint8Array): void {
    this.written?.add(key);
    const held = this.hot.has(key) ? undefined : this.packed.find(key);
    this.hot.put(key, value);
    if (held) this.packed.remove(held, key);
  }

  override append(key: number, value: Uint8Array): void {
    this.written?.add(key);
    this.hot.append(key, value);
  }

  override remove(key: number): void {
    this.written?.add(key);
    if (this.hot.has(key)) return this.hot.remove(key);
    const held = this.packed.find(key);
    if (held) this.packed.remove(held, key);
  }

  /** Removes a record of its own that a pack has. */
  leaveHot(key: number): void {
    this.written?.add(key);
    this.hot.remove(key);
  }

  /** Sets a conversation's distance to the one before it; `record` is what it has. */
  setDistance(key: number, record: Uint8Array, distance: number): void {
    const held = this.hot.has(key) ? undefined : this.packed.find(key);
    if (!held) return this.put(key, withDistance(record, distance));
    this.written?.add(key);
    this.packed.setDistance(held, key, distance);
  }

  override isEmpty(): boolean {
    return this.hot.isEmpty() && this.packed.tables.heads.isEmpty();
  }

  *#numbers(from: number, reverse: boolean): Generator<number, void, void> {
    if (reverse && from < 1) return;
    const hot = this.hot.keys({ start: Math.max(from, 1), reverse });
    const packed = this.packed.numbersFrom(from, reverse);
    for (const each of merged(hot, (key) => key, packed, reverse))
      yield typeof each === 'number' ? each : each.number;
  }
}

/** Yields what two sorted sequences have, in their order; of two with one number the first sequence's. */
function* merged<T>(
  hot: Iterable<T>,
  keyOf: (item: T) => number,
  packed: Iterator<PackedNumber>,
  reverse: boolean,
): Generator<T | PackedNumber, void, void> {
  try {
    let next = packed.next();
    for (const item of hot) {
      const key = keyOf(item);
      while (!next.done && (reverse ? next.value.number > key : next.value.number < key)) {
        yield next.value;
        next = packed.next();
      }
      if (!next.done && next.value.number === key) next = packed.next();
      yield item;
    }
    for (; !next.done; next = packed.next()) yield next.value;
  } finally {
    packed.return?.();
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
