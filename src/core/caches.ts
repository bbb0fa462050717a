import { limits, type SegmentHash } from '../model/index.js';

/**
 * Approximate size of an entry without its bytes: objects, and the free space that V8 keeps beside live ones.
 */
const ENTRY_BYTES = 400;

/**
 * Cache of recently used entries, with a limit in bytes. An entry that is asked for again moves from the
 * older generation to the younger one. When the younger one has half of the bytes, the older one is dropped.
 */
export class RecentlyUsed<Key, Value> {
  #younger = new Map<Key, Value>();
  #older = new Map<Key, Value>();
  #youngerBytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly bytesOf: (value: Value) => number,
    /** Returns a copy of a value that can outlive the values that it shares memory with. */
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

/**
 * Limits of a cached token sequence, in bytes and as a part of the cache: a shorter one is hashed faster than
 * it is looked up; a longer one would displace many.
 */
const RUN_BYTES_MIN = 128;
const RUN_PART = 32;
/** Bytes of a sequence that its key is computed from. */
const SAMPLES = 64;

interface Named {
  readonly varints: Uint8Array;
  readonly hash: SegmentHash;
}

/**
 * Hashes of recent token sequences, found by all of their bytes: a history that arrives again, with one more
 * turn, need not be hashed again.
 */
export class HashCache {
  readonly #named: RecentlyUsed<number, Named>;
  readonly #runBytesMax: number;

  constructor(bytesMax: number = limits.recentHashesBytesMax) {
    this.#named = new RecentlyUsed(bytesMax, ({ varints }) => varints.length);
    this.#runBytesMax = bytesMax / RUN_PART;
  }

  /** Returns the hash of these canonical varints: the cached one, or the result of `hash`. */
  nameOf(varints: Uint8Array, hash: () => SegmentHash): SegmentHash {
    if (varints.length < RUN_BYTES_MIN || varints.length > this.#runBytesMax) return hash();
    const key = sampleKey(varints);
    const named = this.#named.get(key);
    if (named !== undefined && Buffer.compare(named.varints, varints) === 0) return named.hash;
    const name = hash();
    this.#named.set(key, { varints: varints.slice(), hash: name });
    return name;
  }
}

/**
 * Computes a key from some of the bytes. Sequences with equal keys are distinguished by all of their bytes.
 */
export function sampleKey(bytes: Uint8Array): number {
  let key = bytes.length;
  const step = bytes.length / SAMPLES;
  for (let at = step - 1; at < bytes.length; at += step) {
    key = Math.imul(key ^ bytes[Math.floor(at)]!, 0x01000193);
    key ^= key >>> 15;
  }
  return key & 0x3fff_ffff;
}
