import { limits } from '../model/index.js';
import { ShingleSet } from './shingles.js';
import type { Slices } from './slices.js';

/** Segments back to back, and where each ends. */
export interface JoinedSegments {
  readonly tokens: Uint32Array;
  readonly ends: Uint32Array;
}

/** Content that others are compared with; a thread keeps the shingles of the last ones. */
export interface ShingleTarget {
  /** Number of the target in this process. */
  readonly number: number;
  /** In shared memory. */
  readonly segments: JoinedSegments;
}

export interface ShinglesToCompare {
  readonly target: ShingleTarget;
  readonly segments: JoinedSegments;
  /** True: all segments are one set; false: each is one of its own. */
  readonly together: boolean;
}

/** Counts of a set of shingles. */
export interface ShingleCounts {
  /** Shingles that the target has too, and others. */
  readonly shared: number;
  readonly others: number;
}

export interface ComparedShingles {
  /** Shingles of the target. */
  readonly size: number;
  readonly counts: readonly ShingleCounts[];
}

/** Targets whose shingles a thread keeps: of all calls that run at once, or each would evict another. */
const TARGETS = limits.vaultCallsMax;
/** Tokens between two turns of a thread: a millisecond of work or two. */
const SLICE_TOKENS = 32 * 1024;

const targets = new Map<number, ShingleSet>();
const scratch = new ShingleSet();

/** Counts shingles of segments, a slice at a time. */
export function* compareShingles({
  target,
  segments,
  together,
}: ShinglesToCompare): Slices<ComparedShingles> {
  const set = yield* shinglesOfTarget(target);
  const counts: ShingleCounts[] = [];
  if (together) {
    const own = yield* shinglesOf(segments);
    counts.push(countsOf(own, set));
  } else {
    let unpaused = 0;
    for (const segment of each(segments)) {
      scratch.reset(segment.length);
      scratch.add(segment);
      counts.push(countsOf(scratch, set));
      unpaused += segment.length;
      if (unpaused < SLICE_TOKENS) continue;
      unpaused = 0;
      yield;
    }
  }
  return { size: set.size, counts };
}

function* shinglesOfTarget({ number, segments }: ShingleTarget): Slices<ShingleSet> {
  const known = targets.get(number);
  if (known) return known;
  const set = yield* shinglesOf(segments);
  targets.set(number, set);
  for (const old of targets.keys()) if (targets.size > TARGETS) targets.delete(old);
  return set;
}

function* shinglesOf(segments: JoinedSegments): Slices<ShingleSet> {
  const set = new ShingleSet(segments.tokens.length);
  let unpaused = 0;
  for (const segment of each(segments)) {
    set.add(segment);
    unpaused += segment.length;
    if (unpaused < SLICE_TOKENS) continue;
    unpaused = 0;
    yield;
  }
  return set;
}

function* each({ tokens, ends }: JoinedSegments): Generator<Uint32Array, void, void> {
  let begin = 0;
  for (const end of ends) {
    yield tokens.subarray(begin, end);
    begin = end;
  }
}

function countsOf(set: ShingleSet, target: ShingleSet): ShingleCounts {
  const shared = set.shared(target);
  return { shared, others: set.size - shared };
}
