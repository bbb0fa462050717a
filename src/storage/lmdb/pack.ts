import { StowkenError } from '../../model/index.js';
import { ByteReader, ByteWriter, varintBytes } from '../bytes.js';
import { framePieces } from './frame-pieces.js';
import { INLINE_VALUE_BYTES } from './layout.js';

/** A segment's part of a pack. */
export interface PackEntry {
  /** The whole frame's length; 0: the segment is not stored any more. Unknown (0) where the frame only ends here. */
  readonly frameBytes: number;
  readonly tokenCount: number;
  /** The frame's tail, or the part of it that this pack has. */
  readonly piece: Uint8Array;
}

/** Frames of segments with successive ids; the first one's id is the pack's key. */
export interface Pack {
  /** The first entry is the end of a tail that began in the pack before. */
  readonly continues: boolean;
  /** The last entry's tail goes on in the next pack. */
  readonly continued: boolean;
  readonly entries: readonly PackEntry[];
}

export const deletedEntry: PackEntry = { frameBytes: 0, tokenCount: 0, piece: new Uint8Array(0) };

const CONTINUES = 1;
const CONTINUED = 2;

export function encodePack({ continues, continued, entries }: Pack): Uint8Array {
  const writer = new ByteWriter(INLINE_VALUE_BYTES + 16);
  writer.varint(entries.length * 4 + (continues ? CONTINUES : 0) + (continued ? CONTINUED : 0));
  entries.forEach(({ frameBytes, tokenCount, piece }, index) => {
    if (index === 0 && continues) writer.varint(piece.length);
    else if (frameBytes === 0) writer.varint(0);
    else writer.varint(frameBytes).varint(tokenCount);
  });
  for (const { piece } of entries) writer.raw(piece);
  return writer.finish();
}

/** Pieces are views of the record. */
export function decodePack(record: Uint8Array): Pack {
  const reader = new ByteReader(record);
  const head = reader.varint();
  const count = Math.floor(head / 4);
  const continues = (head & CONTINUES) !== 0;
  const continued = (head & CONTINUED) !== 0;
  const sizes: { frameBytes: number; tokenCount: number; pieceBytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    const length = reader.varint();
    if (index === 0 && continues) sizes.push({ frameBytes: 0, tokenCount: 0, pieceBytes: length });
    else if (length === 0) sizes.push({ frameBytes: 0, tokenCount: 0, pieceBytes: 0 });
    else {
      const tokenCount = reader.varint();
      sizes.push({ frameBytes: length, tokenCount, pieceBytes: framePieces(length).tailBytes });
    }
  }
  const entries = sizes.map(({ frameBytes, tokenCount, pieceBytes }, index) => {
    const open = continued && index === count - 1;
    return { frameBytes, tokenCount, piece: open ? reader.rest() : reader.raw(pieceBytes) };
  });
  if (!reader.atEnd) throw new StowkenError('CORRUPT_STORE', 'a pack is longer than its entries');
  return { continues, continued, entries };
}

/** Bytes that an entry takes beside its piece. */
export function entryBytes(frameBytes: number, tokenCount: number): number {
  return varintBytes(frameBytes) + varintBytes(tokenCount);
}
