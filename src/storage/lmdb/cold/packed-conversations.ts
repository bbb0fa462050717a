import { withDistance } from '../conversations/distance.js';
import { isDamage } from '../tables/lmdb-errors.js';
import type { Found, Pin, Table } from '../tables/table.js';
import { PackCache } from './pack-cache.js';
import { decodeConversationPack } from './pack-decoder.js';
import { decodeHead, encodeHead, type PackHead } from './pack-head.js';
import { placeIn, type PackRecords } from './pack-records.js';

/** A pack, by its head. */
export interface HeldPack {
  readonly key: number;
  readonly head: PackHead;
  readonly damage: undefined;
}

/** A pack whose head is damaged. */
export interface DamagedPack {
  readonly key: number;
  readonly head: undefined;
  readonly damage: Error;
}

/** A conversation in a pack, not yet read; under the pack's key alone if its head is damaged. */
export interface PackedNumber {
  readonly number: number;
  readonly pack: HeldPack | DamagedPack;
}

export interface PackTables {
  readonly heads: Table<number>;
  readonly packs: Table<number>;
}

/** Greatest key of a table with number keys. */
export const NUMBER_MAX = 0xffff_ffff;

/**
 * Conversations that are stored in packs: `packs` has their records, `heads` which of them are there. The
 * numbers of two packs do not overlap, so that the pack that begins last before a number is the only one that
 * may have it.
 */
export class PackedConversations {
  constructor(
    readonly tables: PackTables,
    private readonly cache = new PackCache(),
  ) {}

  at(pin: Pin): PackedConversations {
    const { heads, packs } = this.tables;
    return new PackedConversations({ heads: heads.at(pin), packs: packs.at(pin) }, this.cache);
  }

  /** Returns the pack that has a conversation. @throws StowkenError CORRUPT_STORE */
  find(number: number): HeldPack | undefined {
    const hint = this.cache.keyUpTo(number);
    const hinted = hint === undefined ? undefined : this.#holding(hint, number);
    if (hinted) return hinted;
    const key = this.tables.heads.floorKey(number);
    return key === undefined || key === hint ? undefined : this.#holding(key, number);
  }

  /** Returns a record that the caller may keep. @throws StowkenError CORRUPT_STORE */
  get(number: number): Uint8Array | undefined {
    const held = this.find(number);
    return held && this.recordIn(held, number);
  }

  /** Returns the record of a conversation of a pack. @throws StowkenError CORRUPT_STORE */
  recordIn({ key, head }: HeldPack, number: number): Uint8Array {
    const record = this.decoded(key).get(number);
    if (!record) throw this.tables.packs.corrupt(key, `lacks conversation number ${number}`);
    const distance = head.distances.get(number);
    return distance === undefined ? Buffer.from(record) : withDistance(record, distance);
  }

  /** Reads a conversation of a pack, for callers that go on when it is damaged. */
  found({ number, pack }: PackedNumber): Found<number> {
    try {
      if (!pack.head) throw pack.damage;
      return { key: number, value: this.recordIn(pack, number), damage: undefined };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { key: number, value: undefined, damage: error };
    }
  }

  put(key: number, pack: Uint8Array, head: PackHead): void {
    this.tables.packs.putNew(key, pack);
    this.tables.heads.putNew(key, encodeHead(key, head));
  }

  /** Removes a pack with its head. */
  drop(key: number): void {
    this.tables.heads.remove(key);
    this.tables.packs.remove(key);
  }

  /** Removes a conversation that is there. What the pack says of it stays until the pack is made again. */
  remove({ key, head }: HeldPack, number: number): void {
    const numbers = head.numbers.filter((each) => each !== number);
    if (numbers.length === 0) return this.drop(key);
    const distances = new Map(head.distances);
    distances.delete(number);
    this.tables.heads.put(key, encodeHead(key, { ...head, numbers, distances }));
  }

  setDistance({ key, head }: HeldPack, number: number, distance: number): void {
    const distances = new Map(head.distances).set(number, distance);
    this.tables.heads.put(key, encodeHead(key, { ...head, distances }));
  }

  /** Yields the packs that may have numbers from one on, upwards or downwards. */
  *heldFrom(start: number, reverse = false): Generator<HeldPack | DamagedPack, void, void> {
    const { heads } = this.tables;
    // LMDB takes key 0 for no key at all.
    const from = reverse || start < 1 ? start : (heads.floorKey(start) ?? start);
    for (const found of heads.scan({ start: from, reverse })) {
      const { key } = found;
      try {
        if (found.damage) throw found.damage;
        yield { key, head: decodeHead(key, found.value), damage: undefined };
      } catch (error) {
        if (!isDamage(error)) throw error;
        yield { key, head: undefined, damage: error };
      }
    }
  }

  /** Yields the conversations in packs from a number on, upwards or downwards. */
  *numbersFrom(start: number, reverse = false): Generator<PackedNumber, void, void> {
    for (const pack of this.heldFrom(start, reverse)) {
      const numbers = pack.head?.numbers ?? [pack.key];
      for (let step = 0; step < numbers.length; step++) {
        const number = numbers[reverse ? numbers.length - 1 - step : step]!;
        if (reverse ? number <= start : number >= start) yield { number, pack };
      }
    }
  }

  /**
   * Returns the records of a pack, also of conversations that are not there any more.
   * @throws StowkenError CORRUPT_STORE
   */
  decoded(key: number): PackRecords {
    const { packs } = this.tables;
    const known = this.cache.pack(key);
    if (known && packs.isStoredAs(key, known.stored)) return known.value;
    const stored = packs.stored(key);
    if (!stored) throw packs.corrupt(key, 'is missing: its head is there');
    const value = decodeConversationPack(key, packs.open(key, stored));
    this.cache.addPack(key, { stored, value });
    return value;
  }

  /** Returns the pack under a key if it has a conversation. @throws StowkenError CORRUPT_STORE */
  #holding(key: number, number: number): HeldPack | undefined {
    const head = this.headOf(key);
    return head && placeIn(head.numbers, number) !== undefined ? { key, head, damage: undefined } : undefined;
  }

  /** @throws StowkenError CORRUPT_STORE */
  headOf(key: number): PackHead | undefined {
    const { heads } = this.tables;
    const known = this.cache.head(key);
    if (known && heads.isStoredAs(key, known.stored)) return known.value;
    const stored = heads.stored(key);
    if (!stored) return undefined;
    const value = decodeHead(key, heads.open(key, stored));
    this.cache.addHead(key, { stored, value });
    return value;
  }
}
