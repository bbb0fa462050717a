import { ByteReader } from '../../bytes.js';
import { tailBytesOf } from './frame-pieces.js';
import type { PackEntry } from './pack.js';

/** Where a segment is in a pack that is not decoded: most who read want few of its frames. */
export interface PackPlace extends PackEntry {
  /** The tail goes on in the next pack. */
  readonly open: boolean;
}

/** A pack as bytes, in which single segments are found. */
export class PackView {
  readonly #firstId: number;
  readonly #count: number;
  readonly #continues: boolean;
  readonly #continued: boolean;
  readonly #headBytes: number;

  constructor(
    key: number,
    private readonly record: Uint8Array,
  ) {
    const reader = new ByteReader(record);
    const head = reader.varint();
    this.#firstId = Math.floor(key / 2);
    this.#count = Math.floor(head / 2);
    this.#continues = key % 2 === 1;
    this.#continued = head % 2 === 1;
    this.#headBytes = reader.position;
  }

  /** Whether the segment, if it is stored, begins here. */
  covers(id: number): boolean {
    const index = id - this.#firstId;
    return index >= (this.#continues ? 1 : 0) && index < this.#count;
  }

  /** Undefined: it does not begin here, or is not stored. The piece is a view of the record. */
  find(id: number): PackPlace | undefined {
    if (!this.covers(id)) return undefined;
    const wanted = id - this.#firstId;
    const reader = new ByteReader(this.record, this.#headBytes);
    let before = 0;
    let frameBytes = 0;
    let tokenCount = 0;
    for (let index = 0; index < this.#count; index++) {
      const length = reader.varint();
      const isRest = index === 0 && this.#continues;
      const tokens = isRest || length === 0 ? 0 : reader.varint();
      if (index < wanted) before += isRest ? length : tailBytesOf(length);
      else if (index === wanted) [frameBytes, tokenCount] = [length, tokens];
    }
    if (frameBytes === 0) return undefined;
    reader.position += before;
    const open = this.#continued && wanted === this.#count - 1;
    return {
      frameBytes,
      tokenCount,
      piece: open ? reader.rest() : reader.raw(tailBytesOf(frameBytes)),
      open,
    };
  }
}
