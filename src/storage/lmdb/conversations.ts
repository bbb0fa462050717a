import { ByteReader } from '../bytes.js';
import type { Tables } from './environment.js';
import { INLINE_VALUE_BYTES, MESSAGE_CHUNK_BYTES, MESSAGE_CHUNK_KEY_BYTES } from './layout.js';
import { corruptConversation, decodeHeader, encodeHeader, type Header, type NameOf } from './manifest.js';
import type { NameCodes } from './names.js';
import type { Conversation } from '../../model/index.js';

/** A manifest as it is stored: the header, and the encoded message list. */
export interface StoredManifest {
  readonly conversation: Conversation;
  readonly list: Uint8Array;
}

type ManifestTables = Pick<Tables, 'conversations' | 'messages'>;

/** Reads a manifest with its message list. */
export function readManifest(
  tables: ManifestTables,
  number: number,
  nameOf: NameOf,
): StoredManifest | undefined {
  const record = tables.conversations.get(number);
  if (!record) return undefined;
  const reader = new ByteReader(record);
  const { conversation, chunkedBytes } = decodeHeader(reader, nameOf);
  if (chunkedBytes === undefined) return { conversation, list: reader.rest() };
  const list = new Uint8Array(chunkedBytes);
  let at = 0;
  for (const { value } of tables.messages.range({
    start: chunkKey(number, 0),
    end: chunkKey(number + 1, 0),
  })) {
    if (at + value.length > list.length) throw corruptConversation(number, 'its message list is too long');
    list.set(value, at);
    at += value.length;
  }
  if (at !== list.length) throw corruptConversation(number, 'its message list is incomplete');
  return { conversation, list };
}

export function readHeader(record: Uint8Array, nameOf: NameOf): Header {
  return decodeHeader(new ByteReader(record), nameOf);
}

/** Writes a manifest in place of the one that has this number, if any. */
export function writeManifest(
  tables: ManifestTables,
  number: number,
  { conversation, list }: StoredManifest,
  names: NameCodes,
  replaces: boolean,
): void {
  if (replaces) removeChunks(tables, number);
  const header = encodeHeader({ conversation, chunkedBytes: undefined }, names);
  let record = Buffer.concat([header, list]);
  if (record.length > INLINE_VALUE_BYTES) {
    record = Buffer.from(encodeHeader({ conversation, chunkedBytes: list.length }, names));
    for (let at = 0, chunk = 0; at < list.length; at += MESSAGE_CHUNK_BYTES, chunk++) {
      const key = chunkKey(number, chunk);
      const piece = list.subarray(at, at + MESSAGE_CHUNK_BYTES);
      if (replaces) tables.messages.put(key, piece);
      else tables.messages.append(key, piece);
    }
  }
  if (replaces) tables.conversations.put(number, record);
  else tables.conversations.append(number, record);
}

export function removeManifest(tables: ManifestTables, number: number): void {
  removeChunks(tables, number);
  tables.conversations.remove(number);
}

function removeChunks(tables: ManifestTables, number: number): void {
  const chunks = [...tables.messages.range({ start: chunkKey(number, 0), end: chunkKey(number + 1, 0) })];
  for (const { key } of chunks) tables.messages.remove(key);
}

/** Big-endian, so that bytes sort as the numbers do. */
function chunkKey(number: number, chunk: number): Buffer {
  const key = Buffer.alloc(MESSAGE_CHUNK_KEY_BYTES);
  key.writeUInt32BE(number, 0);
  key.writeUInt32BE(chunk, 4);
  return key;
}
