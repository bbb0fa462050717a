import type { Table } from './table.js';

const SEGMENT_BYTES = 4;
/** Only the key says anything. */
const present = Buffer.of(1);

/** References that outside holders have: one entry each, under the segment's id and the holder. */
export class Holders {
  constructor(private readonly table: Table<Buffer>) {}

  has(segment: number, holder: string): boolean {
    return this.table.view(keyOf(segment, holder)) !== undefined;
  }

  add(segment: number, holder: string): void {
    this.table.put(keyOf(segment, holder), present);
  }

  remove(segment: number, holder: string): void {
    this.table.remove(keyOf(segment, holder));
  }

  /** Takes away all references to a segment. */
  removeAll(segment: number): void {
    for (const { key } of [...this.table.range({ start: keyOf(segment, ''), end: keyOf(segment + 1, '') })]) {
      this.table.remove(key);
    }
  }

  /** The segment of each reference, in ascending order. */
  *segments(): Generator<number, void, void> {
    for (const key of this.table.keys()) yield key.readUInt32BE(0);
  }
}

function keyOf(segment: number, holder: string): Buffer {
  const key = Buffer.alloc(SEGMENT_BYTES + Buffer.byteLength(holder, 'utf8'));
  key.writeUInt32BE(segment, 0);
  key.write(holder, SEGMENT_BYTES, 'utf8');
  return key;
}
