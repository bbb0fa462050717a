import { limits, type SegmentHash } from '../model/index.js';

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

/** A shorter run is hashed faster than it is looked up; a longer one would take the place of many. */
const RUN_BYTES_MIN = 128;
const RUN_BYTES_MAX = limits.recentNamesBytesMax / 32;
/** Bytes of a run that its key is made of. */
const SAMPLES = 64;

interface Named {
  readonly varints: Uint8Array;
  readonly hash: SegmentHash;
}

/**
 * Names of runs that came lately, found by all of their bytes: a history that comes again, with a turn more,
 * need not be hashed again.
 */
export class HashCache {
  readonly #named = new RecentlyUsed<number, Named>(
    limits.recentNamesBytesMax,
    ({ varints }) => varints.length,
  );

  /** The name of these canonical varints: remembered, or what `hash` makes it. */
  nameOf(varints: Uint8Array, hash: () => SegmentHash): SegmentHash {
    if (varints.length < RUN_BYTES_MIN || varints.length > RUN_BYTES_MAX) return hash();
    const key = keyOf(varints);
    const named = this.#named.get(key);
    if (named !== undefined && Buffer.compare(named.varints, varints) === 0) return named.hash;
    const name = hash();
    this.#named.set(key, { varints: varints.slice(), hash: name });
    return name;
  }
}

/** Of some of the bytes: those who share it are told apart by all of them. */
function keyOf(varints: Uint8Array): number {
  let key = varints.length;
  const step = varints.length / SAMPLES;
  for (let at = step - 1; at < varints.length; at += step) {
    key = Math.imul(key ^ varints[Math.floor(at)]!, 0x01000193);
    key ^= key >>> 15;
  }
  return key & 0x3fff_ffff;
}
