// The instance's memory: reserved from the end of the static data upwards, never given back.
// What outlives one job is an instance of its own, so that dropping the instance drops its memory.

let top: usize = (__heap_base + 15) & ~15;

/** Reserves `bytes` of zeroed memory, 16-byte aligned; 0 when the host refuses to grow. */
export function reserve(bytes: usize): usize {
  const start = top;
  const end = (start + bytes + 15) & ~15;
  if (end < start) return 0;
  const pagesNeeded = <i32>((end + 0xffff) >>> 16);
  const pages = memory.size();
  if (pagesNeeded > pages && memory.grow(pagesNeeded - pages) < 0) return 0;
  top = end;
  return start;
}
