import { type Conversation, isDated, StowkenError } from '../../../model/index.js';
import { type ByteReader, ByteWriter } from '../../shared/bytes.js';
import { sortedEntries } from '../../shared/records.js';
import type { StringCode } from '../tables/ids.js';
import { GAP, NO_GAP } from './distance.js';
import type { StringCodes, StringKind } from './string-table.js';

/** Forms of a string in a record: 0 it is empty, 1 it follows, n: the string with code n - 1. */
const EMPTY = 0;
const INLINE = 1;
export const stringForms = { empty: EMPTY, inline: INLINE } as const;

const flags = {
  parent: 1,
  expires: 2,
  metadata: 4,
  updated: 8,
  blocks: 16,
  revised: 32,
  gap: GAP,
  dated: 128,
} as const;
export const recordFlags = flags;

/** Revision that is not written, because most conversations have it. */
const FIRST_REVISION = 1;

export type StringOf = (code: StringCode) => string;

export interface Header {
  readonly conversation: Conversation;
  /** Length of the block directory that follows the header; undefined if there is none, and no block. */
  readonly directoryBytes: number | undefined;
  /** See chain.ts. */
  readonly distance: number;
}

export function encodeHeader(
  { conversation, directoryBytes, distance }: Header,
  names: StringCodes,
): Uint8Array {
  const { parentId, expireTimeMs, createTimeMs, storeTimeMs, updateTimeMs, revision } = conversation;
  const metadata = sortedEntries(conversation.metadata);
  const writer = new ByteWriter();
  writer.varint(
    (parentId === '' ? 0 : flags.parent) +
      (expireTimeMs === undefined ? 0 : flags.expires) +
      (metadata.length === 0 ? 0 : flags.metadata) +
      (updateTimeMs === storeTimeMs ? 0 : flags.updated) +
      (directoryBytes === undefined ? 0 : flags.blocks) +
      (revision === FIRST_REVISION ? 0 : flags.revised) +
      (distance === NO_GAP ? 0 : flags.gap) +
      (isDated(conversation) ? flags.dated : 0),
  );
  if (distance !== NO_GAP) writer.varint(distance);
  writer.text(conversation.id);
  writeString(writer, conversation.application, 'label', names);
  writeString(writer, conversation.model, 'label', names);
  writeString(writer, conversation.tokenizer, 'label', names);
  if (revision !== FIRST_REVISION) writer.varint(revision);
  writer.varint(conversation.messageCount).varint(conversation.totalTokens);
  writer.varint(storeTimeMs);
  if (updateTimeMs !== storeTimeMs) writer.varint(updateTimeMs - storeTimeMs);
  if (isDated(conversation)) writer.zigzag(storeTimeMs - createTimeMs);
  if (parentId !== '') writer.text(parentId);
  if (expireTimeMs !== undefined) writer.zigzag(expireTimeMs);
  if (metadata.length > 0) writer.varint(metadata.length);
  for (const [name, value] of metadata) writer.text(name).text(value);
  if (directoryBytes !== undefined) writer.varint(directoryBytes);
  return writer.finish();
}

/** Leaves the reader at the block directory, or at the message list if there is none. */
export function decodeHeader(reader: ByteReader, nameOf: StringOf): Header {
  const set = reader.varint();
  const distance = set & flags.gap ? reader.varint() : NO_GAP;
  const id = reader.text();
  const application = readString(reader, nameOf);
  const model = readString(reader, nameOf);
  const tokenizer = readString(reader, nameOf);
  const revision = set & flags.revised ? reader.varint() : FIRST_REVISION;
  const messageCount = reader.varint();
  const totalTokens = reader.varint();
  const storeTimeMs = reader.varint();
  const updateTimeMs = storeTimeMs + (set & flags.updated ? reader.varint() : 0);
  const createTimeMs = storeTimeMs - (set & flags.dated ? reader.zigzag() : 0);
  const parentId = set & flags.parent ? reader.text() : '';
  const expireTimeMs = set & flags.expires ? reader.zigzag() : undefined;
  const metadataCount = set & flags.metadata ? reader.varint() : 0;
  const metadata: [string, string][] = [];
  for (let index = 0; index < metadataCount; index++) metadata.push([reader.text(), reader.text()]);
  return {
    conversation: {
      id,
      application,
      model,
      tokenizer,
      parentId,
      expireTimeMs,
      metadata: Object.fromEntries(metadata),
      revision,
      totalTokens,
      messageCount,
      createTimeMs,
      storeTimeMs,
      updateTimeMs,
    },
    directoryBytes: set & flags.blocks ? reader.varint() : undefined,
    distance,
  };
}

export function writeString(writer: ByteWriter, name: string, kind: StringKind, names: StringCodes): void {
  const code = name === '' ? undefined : names.codeOf(name, kind);
  if (name === '') writer.varint(EMPTY);
  else if (code === undefined) writer.varint(INLINE).text(name);
  else writer.varint(code + 1);
}

export function readString(reader: ByteReader, nameOf: StringOf): string {
  const what = reader.varint();
  if (what === EMPTY) return '';
  return what === INLINE ? reader.text() : nameOf((what - 1) as StringCode);
}

export function skipString(reader: ByteReader): void {
  if (reader.varint() === INLINE) reader.raw(reader.varint());
}

/** Error for the record of a conversation's number that belongs to another conversation. */
export function corruptConversation(number: number, what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `conversation number ${number}: ${what}`);
}
