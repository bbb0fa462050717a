import { limits, type SegmentHash } from '../model/index.js';
import { RecentlyUsed } from './recently-used.js';

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
export class RecentNames {
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
