import type { StrictReader } from './strict-reader.js';

/** Reads a length and then that many bytes with `read`, which sees them as all there is. */
export function inside(reader: StrictReader, read: () => void): void {
  const outerEnd = reader.len;
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outerEnd) throw new RangeError(`${length} bytes announced, ${outerEnd - reader.pos} there`);
  reader.len = end;
  read();
  if (reader.pos !== end) throw new RangeError('a field runs past the end of its message');
  reader.len = outerEnd;
}
