/** Records of a pack, one after the other in one buffer. */
export class PackRecords {
  /** `numbers` ascend; each record ends at the offset of the same place in `ends`. */
  constructor(
    readonly numbers: Uint32Array,
    private readonly ends: Uint32Array,
    private readonly bytes: Uint8Array,
  ) {}

  get byteLength(): number {
    return this.bytes.length;
  }

  /** Returns a view of a record; undefined if the pack does not have it. */
  get(number: number): Uint8Array | undefined {
    const at = placeIn(this.numbers, number);
    return at === undefined ? undefined : this.at(at);
  }

  at(place: number): Uint8Array {
    return this.bytes.subarray(place === 0 ? 0 : this.ends[place - 1], this.ends[place]);
  }
}

/** Returns the place of a number among ascending ones. */
export function placeIn(numbers: ArrayLike<number>, number: number): number | undefined {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === number ? low : undefined;
}
