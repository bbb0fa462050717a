// The instance's memory: reserved from the end of the static data upwards. There is no heap. Memory of a job
// is released by returning to a mark; data that must outlive all others gets an instance of its own.

let top: usize = (__heap_base + 15) & ~15;

/** Reserves `bytes`, 16-byte aligned; 0 if the host refuses to grow. The content is arbitrary. */
export function reserve(bytes: usize): usize {
  const start = top;
  const end = (start + bytes + 15) & ~15;
  if (end < start || end > 0xffff_0000) return 0;
  const pagesNeeded = <i32>((end + 0xffff) >>> 16);
  const pages = memory.size();
  if (pagesNeeded > pages && memory.grow(pagesNeeded - pages) < 0) return 0;
  top = end;
  return start;
}

/** As reserve, filled with zeros. */
export function reserveZeroed(bytes: usize): usize {
  const start = reserve(bytes);
  if (start != 0) memory.fill(start, 0, bytes);
  return start;
}

let left: usize = 0;
let leftEnd: usize = 0;

/** Offers [from, to), which is not read any more, to reserveForGood(). */
export function leave(from: usize, to: usize): void {
  left = (from + 15) & ~15;
  leftEnd = to;
}

/** Reserves memory that is never released: in an offered range, if that is large enough. */
export function reserveForGood(bytes: usize): usize {
  if (left + bytes > leftEnd) return reserve(bytes);
  const start = left;
  left = (left + bytes + 15) & ~15;
  return start;
}

/** Returns the address of the next reservation. */
export function mark(): usize {
  return top;
}

/** Releases everything reserved since the mark was taken. */
export function release(to: usize): void {
  top = to;
}
