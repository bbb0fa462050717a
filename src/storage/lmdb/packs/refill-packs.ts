import { framePieces } from './frame-pieces.js';
import { REFILLED_PACK_BYTES } from '../tables/layout.js';
import { keyOfPack, type Pack, type PackEntry } from './pack.js';
import { PackFiller } from './pack-filler.js';
import type { Table } from '../tables/table.js';

/** Writes the frames of packs that follow one another anew, some of them changed, in packs of a page each. */
export function refillPacks(
  table: Table<number>,
  run: readonly Pack[],
  frames: ReadonlyMap<number, Uint8Array>,
): void {
  for (const pack of run) table.remove(keyOfPack(pack));
  const filler = new PackFiller(REFILLED_PACK_BYTES, (key, record) => table.put(key, record));
  run.forEach((pack, index) => {
    const next = run[index + 1];
    pack.entries.forEach((entry, at) => {
      const id = pack.firstId + at;
      const isRest = at === 0 && pack.continues;
      const frame = frames.get(id);
      if (isRest) {
        // Inside the run it was taken together with its beginning.
        if (index === 0 && entry.piece.length > 0) filler.addRest(id, entry.piece);
      } else if (frame) filler.add(id, entryOf(frame, entry.tokenCount));
      else if (!pack.continued || at < pack.entries.length - 1) filler.add(id, entry);
      else if (next) filler.add(id, joined(entry, next));
      else filler.addPart(id, entry);
    });
  });
  filler.close();
}

function entryOf(frame: Uint8Array, tokenCount: number): PackEntry {
  const { headBytes, halfBytes } = framePieces(frame.length);
  return { frameBytes: frame.length, tokenCount, piece: frame.subarray(headBytes + halfBytes) };
}

function joined(entry: PackEntry, next: Pack): PackEntry {
  const rest = next.entries[0]?.piece ?? Buffer.alloc(0);
  return { ...entry, piece: Buffer.concat([entry.piece, rest]) };
}
