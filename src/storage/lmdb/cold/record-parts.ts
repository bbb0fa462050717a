import { ByteReader, type ByteWriter } from '../../shared/bytes.js';
import { recordFlags, stringForms } from '../conversations/manifest.js';
import { messageFlags } from '../conversations/message-list.js';

/** A string as a record has it: its code and more, or the bytes that stand in its place. */
export interface RecordString {
  readonly form: number;
  /** Empty unless the form says that the string follows. */
  readonly inline: Uint8Array;
}

/** A message of a record, without the ids of its segments being resolved by any other record. */
export interface MessageParts {
  /** First byte; see message-list.ts. */
  readonly head: number;
  readonly role: RecordString | undefined;
  readonly name: RecordString | undefined;
  readonly toolCallId: Uint8Array | undefined;
  /** Segments of the message, if its head says that their number follows; see message-list.ts. */
  readonly count: number;
  readonly fieldSegments: number;
  readonly ids: readonly number[];
  readonly tokenCounts: readonly number[];
}

/** A conversation's record, taken apart into what its bytes say, with no string looked up. */
export interface RecordParts {
  readonly flags: number;
  readonly distance: number;
  readonly id: Uint8Array;
  readonly application: RecordString;
  readonly model: RecordString;
  readonly tokenizer: RecordString;
  readonly revision: number;
  readonly messageCount: number;
  readonly totalTokens: number;
  readonly storeTimeMs: number;
  readonly updatedAfterMs: number;
  readonly createdBeforeMs: number;
  readonly parentId: Uint8Array;
  readonly expireTimeMs: number;
  /** Names and values in turn. */
  readonly metadata: readonly Uint8Array[];
  readonly directory: Uint8Array;
  readonly messages: readonly MessageParts[];
}

export const NOTHING = new Uint8Array(0);

/** @throws StowkenError CORRUPT_STORE */
export function partsOf(record: Uint8Array): RecordParts {
  const reader = new ByteReader(record);
  const flags = reader.varint();
  const has = (flag: number) => (flags & flag) !== 0;
  const head = {
    flags,
    distance: has(recordFlags.gap) ? reader.varint() : 0,
    id: textOf(reader),
    application: stringOf(reader),
    model: stringOf(reader),
    tokenizer: stringOf(reader),
    revision: has(recordFlags.revised) ? reader.varint() : 0,
    messageCount: reader.varint(),
    totalTokens: reader.varint(),
    storeTimeMs: reader.varint(),
    updatedAfterMs: has(recordFlags.updated) ? reader.varint() : 0,
    createdBeforeMs: has(recordFlags.dated) ? reader.zigzag() : 0,
    parentId: has(recordFlags.parent) ? textOf(reader) : NOTHING,
    expireTimeMs: has(recordFlags.expires) ? reader.zigzag() : 0,
  };
  const metadata: Uint8Array[] = [];
  for (let left = has(recordFlags.metadata) ? reader.varint() : 0; left > 0; left--)
    metadata.push(textOf(reader), textOf(reader));
  const directory = has(recordFlags.blocks) ? textOf(reader) : NOTHING;
  const messages: MessageParts[] = [];
  for (let expectedId = 0; !reader.atEnd;) {
    const message = messageOf(reader, expectedId);
    expectedId = (message.ids.at(-1) ?? expectedId - 1) + 1;
    messages.push(message);
  }
  return { ...head, metadata, directory, messages };
}

function messageOf(reader: ByteReader, expected: number): MessageParts {
  const head = reader.byte();
  const { roleMask, roleFollows, hasName, hasToolCall, hasCount, hasFields } = messageFlags;
  const role = (head & roleMask) === roleFollows ? stringOf(reader) : undefined;
  const name = head & hasName ? stringOf(reader) : undefined;
  const toolCallId = head & hasToolCall ? textOf(reader) : undefined;
  let count = head & hasCount ? reader.varint() : 1;
  let fieldSegments = 0;
  if (head & hasCount && count === hasFields) {
    count = reader.varint();
    fieldSegments = reader.varint();
  }
  const ids: number[] = [];
  const tokenCounts: number[] = [];
  for (let next = expected; ids.length < count;) {
    const id = next + reader.zigzag();
    ids.push(id);
    tokenCounts.push(reader.varint());
    next = id + 1;
  }
  return { head, role, name, toolCallId, count, fieldSegments, ids, tokenCounts };
}

/** Returns bytes that their length precedes. */
function textOf(reader: ByteReader): Uint8Array {
  return reader.raw(reader.varint());
}

function stringOf(reader: ByteReader): RecordString {
  const form = reader.varint();
  return { form, inline: form === stringForms.inline ? textOf(reader) : NOTHING };
}

export function writeRecordString(writer: ByteWriter, { form, inline }: RecordString): void {
  writer.varint(form);
  if (form === stringForms.inline) writer.varint(inline.length).raw(inline);
}

/** Writes bytes behind their length. */
export function writeText(writer: ByteWriter, bytes: Uint8Array): void {
  writer.varint(bytes.length).raw(bytes);
}
