import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';

/** Bytes of frames after which a pack is full. A reader of one segment reads its whole pack. */
export const packBytesMax = 128 * 1024;

/** A frame in a pack; one of 0 bytes was deleted. */
export interface PackedFrame {
  readonly tokenCount: number;
  readonly frame: Uint8Array;
}

export interface PackEntry {
  readonly tokenCount: number;
  readonly frameBytes: number;
}

/** Columns of a pack: the sizes of its frames, and the frames. Described in docs/formats/postgres.md. */
export interface PackColumns {
  readonly dir: Uint8Array;
  readonly data: Uint8Array;
}

export function encodePack(frames: readonly PackedFrame[]): PackColumns {
  const dir = new ByteWriter(frames.length * 4 + 4);
  for (const { tokenCount, frame } of frames) dir.varint(frame.length).varint(tokenCount);
  return { dir: dir.finish(), data: Buffer.concat(frames.map(({ frame }) => frame)) };
}

export function decodeDirectory(dir: Uint8Array): PackEntry[] {
  const reader = new ByteReader(dir);
  const entries: PackEntry[] = [];
  while (!reader.atEnd) {
    const frameBytes = reader.varint();
    entries.push({ frameBytes, tokenCount: reader.varint() });
  }
  return entries;
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePack({ dir, data }: PackColumns): PackedFrame[] {
  let at = 0;
  const frames = decodeDirectory(dir).map(({ frameBytes, tokenCount }) => {
    return { tokenCount, frame: data.subarray(at, (at += frameBytes)) };
  });
  if (at !== data.length) {
    throw new StowkenError('CORRUPT_STORE', `a pack has ${data.length} bytes of frames, its sizes say ${at}`);
  }
  return frames;
}

/** Returns the frame of a slot, a copy; undefined if it was deleted or never was. */
export function frameAt(frames: readonly PackedFrame[], slot: number): Uint8Array | undefined {
  const frame = frames[slot]?.frame;
  return frame === undefined || frame.length === 0 ? undefined : Uint8Array.from(frame);
}
