import { hashShingle, shingleTokens } from '../../text/index.js';

/** Bins of a sketch. */
const binBits = 7;
const bins = 2 ** binBits;
/** Content of a bin without a hash: no hash is greater. */
const empty = 0xffff_ffff;
/** Pairs exactly at the threshold that the bands may miss, of all such pairs. */
const missedMax = 0.01;
const rowsMax = 32;

/**
 * Sketch of a set of shingles by one permutation: the least hash of each of `bins` bins. The sketch of a
 * union is the lesser of both in each bin. Source: P. Li, A. Owen, C.-H. Zhang, One Permutation Hashing,
 * 2012.
 */
export type Sketch = Uint32Array;

export function emptySketch(): Sketch {
  return new Uint32Array(bins).fill(empty);
}

/** Adds the shingles of a segment, as ShingleSet has them. */
export function addToSketch(sketch: Sketch, segment: Uint32Array): void {
  const count = Math.min(shingleTokens, segment.length);
  if (count === 0) return;
  for (let at = 0; at + count <= segment.length; at++) {
    const hash = hashShingle(segment, at, count);
    const bin = hash >>> (32 - binBits);
    if (hash < sketch[bin]!) sketch[bin] = hash;
  }
}

/** Returns the hashes of a sketch alone: few, for a short segment. */
export function packSketch(sketch: Sketch): Uint32Array {
  return sketch.filter((hash) => hash !== empty);
}

/** Adds the hashes of another sketch. */
export function mergeSketch(sketch: Sketch, hashes: Uint32Array): void {
  for (const hash of hashes) {
    const bin = hash >>> (32 - binBits);
    if (hash < sketch[bin]!) sketch[bin] = hash;
  }
}

/**
 * Fills each empty bin with the hash of another one, which is the same in every sketch with the same empty
 * bins. Source: A. Shrivastava, Optimal Densification for Fast and Accurate Minwise Hashing, 2017. A sketch
 * without any hash stays empty.
 */
function densify(sketch: Sketch): Sketch {
  const filled = sketch.slice();
  if (!sketch.some((hash) => hash !== empty)) return filled;
  for (let bin = 0; bin < bins; bin++) {
    let from = bin;
    for (let attempt = 1; sketch[from] === empty; attempt++) {
      const mixed = Math.imul(bin * 0x1_0001 + attempt, 0x9e3779b1);
      from = (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0) >>> (32 - binBits);
    }
    filled[bin] = sketch[from]!;
  }
  return filled;
}

/** Bands of a sketch: two sets are compared if all rows of one band are equal. */
export interface Bands {
  readonly count: number;
  readonly rows: number;
}

/** Returns the longest bands that miss no more than `missedMax` of the pairs with this Jaccard index. */
export function bandsFor(jaccard: number): Bands {
  let rows = 1;
  while (rows < rowsMax && missedBy(jaccard, rows + 1) <= missedMax) rows += 1;
  return { count: Math.floor(bins / rows), rows };
}

function missedBy(jaccard: number, rows: number): number {
  return (1 - jaccard ** rows) ** Math.floor(bins / rows);
}

/**
 * Returns hashes of 32 bits: of the whole sketch, which is the same for the same shingles, and of each band.
 * Different bands have different hashes.
 */
export function bandHashes(sketch: Sketch, { count, rows }: Bands): Uint32Array {
  const dense = densify(sketch);
  const hashes = new Uint32Array(1 + count);
  hashes[0] = hashShingle(dense, 0, bins);
  for (let band = 0; band < count; band++) {
    const keyed = Uint32Array.of(band, ...dense.subarray(band * rows, (band + 1) * rows));
    hashes[1 + band] = hashShingle(keyed, 0, rows + 1);
  }
  return hashes;
}
