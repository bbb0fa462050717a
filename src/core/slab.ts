const slabBytes = 16 * 1024;
const ownBytesMin = 2048;

let slab = new Uint8Array(0);
let used = 0;

/**
 * Copies memory[start, end) for the caller to keep. Short copies share an ArrayBuffer, at offsets that are
 * multiples of 8: an ArrayBuffer for each would cost more than the work itself.
 */
export function copyOut(memory: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length >= ownBytesMin) return memory.slice(start, end);
  if (used + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  const copy = slab.subarray(used, used + length);
  copy.set(memory.subarray(start, end));
  used = (used + length + 7) & ~7;
  return copy;
}
