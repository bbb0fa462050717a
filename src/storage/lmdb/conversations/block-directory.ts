import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { BlockId } from '../tables/ids.js';

/** A block of a message list, as the conversation's record names it. */
export interface BlockEntry {
  readonly id: BlockId;
  readonly messages: number;
  readonly tokens: number;
}

/** Appends an entry; `before` is the id of the entry before it, 0 for the first. */
export function writeBlockEntry(
  writer: ByteWriter,
  { id, messages, tokens }: BlockEntry,
  before: BlockId | 0,
): void {
  writer
    .zigzag(id - before - 1)
    .varint(messages)
    .varint(tokens);
}

export function encodeDirectory(entries: readonly BlockEntry[]): Uint8Array {
  const writer = new ByteWriter();
  let before: BlockId | 0 = 0;
  for (const entry of entries) {
    writeBlockEntry(writer, entry, before);
    before = entry.id;
  }
  return writer.finish();
}

/** Yields the blocks in the order of the list. */
export function* decodeDirectory(directory: Uint8Array): Generator<BlockEntry, void, void> {
  const reader = new ByteReader(directory);
  let before = 0;
  while (!reader.atEnd) {
    before += 1 + reader.zigzag();
    yield { id: before as BlockId, messages: reader.varint(), tokens: reader.varint() };
  }
}
