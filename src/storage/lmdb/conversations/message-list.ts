import { type Speaker, withFieldSegments } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { SegmentId, StringCode } from '../tables/ids.js';
import { type StringOf, readString, skipString, writeString } from './manifest.js';
import type { StringCodes } from './string-table.js';

export interface ListedSegment {
  readonly id: SegmentId;
  readonly tokenCount: number;
}

/** A message as it is stored in a list. */
export interface ListedMessage extends Speaker {
  readonly segments: readonly ListedSegment[];
  /** See MessageRecord. */
  readonly fieldSegments?: number;
}

/** Extent of a list, or of its beginning. */
export interface ListExtent {
  readonly messages: number;
  readonly tokens: number;
  readonly bytes: number;
  /** Id after that of the last segment; the next message's ids are relative to it. */
  readonly nextId: number;
}

/** First byte of a message: flags, and the code of the role in the five low bits, or ROLE_FOLLOWS. */
const HAS_NAME = 0x20;
const HAS_TOOL_CALL = 0x40;
/**
 * The number of segments follows; without it there is exactly one. The number 1 says that some are fields:
 * the number of all follows it, and that of those which are fields.
 */
const HAS_COUNT = 0x80;
const HAS_FIELDS = 1;
const ROLE_MASK = 0x1f;
const ROLE_FOLLOWS = 0x1f;
export const messageFlags = {
  roleMask: ROLE_MASK,
  roleFollows: ROLE_FOLLOWS,
  hasName: HAS_NAME,
  hasToolCall: HAS_TOOL_CALL,
  hasCount: HAS_COUNT,
  hasFields: HAS_FIELDS,
} as const;

/**
 * Writes a message list. Segments with consecutive ids, as new ones have, take one byte and their token
 * count.
 */
export class MessageEncoder {
  readonly #writer = new ByteWriter(1024);
  #expectedId = 0;

  constructor(private readonly names: StringCodes) {}

  get bytes(): number {
    return this.#writer.length;
  }

  /** Continues an encoded list, whose extent has this `nextId`. */
  resume(list: Uint8Array, nextId: number): void {
    this.#writer.raw(list);
    this.#expectedId = nextId;
  }

  add(
    { role, name, toolCallId, fieldSegments = 0 }: Speaker & { readonly fieldSegments?: number },
    segments: readonly ListedSegment[],
  ): void {
    const writer = this.#writer;
    const roleCode = role === '' ? 0 : (this.names.codeOf(role, 'label') ?? ROLE_FOLLOWS);
    const shortRole = Math.min(roleCode, ROLE_FOLLOWS);
    const counted = segments.length !== 1 || fieldSegments > 0;
    writer.byte(
      shortRole +
        (name === '' ? 0 : HAS_NAME) +
        (toolCallId === '' ? 0 : HAS_TOOL_CALL) +
        (counted ? HAS_COUNT : 0),
    );
    if (shortRole === ROLE_FOLLOWS) writeString(writer, role, 'label', this.names);
    if (name !== '') writeString(writer, name, 'speaker', this.names);
    if (toolCallId !== '') writer.text(toolCallId);
    if (fieldSegments > 0) writer.varint(HAS_FIELDS).varint(segments.length).varint(fieldSegments);
    else if (counted) writer.varint(segments.length);
    for (const { id, tokenCount } of segments) {
      writer.zigzag(id - this.#expectedId).varint(tokenCount);
      this.#expectedId = id + 1;
    }
  }

  /** Returns the list's first `bytes` bytes; nothing may be added afterwards. */
  finish(bytes = this.bytes): Uint8Array {
    return this.#writer.finish().subarray(0, bytes);
  }
}

/** Decodes the list to its end. */
export function decodeMessages(list: Uint8Array, nameOf: StringOf): ListedMessage[] {
  const messages: ListedMessage[] = [];
  const reader = new ByteReader(list);
  let expectedId = 0;
  while (!reader.atEnd) {
    const head = reader.byte();
    const role = readRole(head & ROLE_MASK, reader, nameOf);
    const name = head & HAS_NAME ? readString(reader, nameOf) : '';
    const toolCallId = head & HAS_TOOL_CALL ? reader.text() : '';
    const { count, fieldSegments } = readCounts(head, reader);
    const segments: ListedSegment[] = [];
    for (let index = 0; index < count; index++) {
      const id = (expectedId + reader.zigzag()) as SegmentId;
      segments.push({ id, tokenCount: reader.varint() });
      expectedId = id + 1;
    }
    messages.push(withFieldSegments({ role, name, toolCallId, segments }, fieldSegments));
  }
  return messages;
}

/** Scans the first messages of a list, or all, without creating objects other than those of the callback. */
export function scanMessages(
  list: Uint8Array,
  onSegment: (id: SegmentId, tokenCount: number, isField: boolean) => void,
  messagesMax = Infinity,
): ListExtent {
  const reader = new ByteReader(list);
  let nextId = 0;
  let messages = 0;
  let tokens = 0;
  for (; messages < messagesMax && !reader.atEnd; messages++) {
    const head = reader.byte();
    if ((head & ROLE_MASK) === ROLE_FOLLOWS) skipString(reader);
    if (head & HAS_NAME) skipString(reader);
    if (head & HAS_TOOL_CALL) reader.raw(reader.varint());
    const { count, fieldSegments } = readCounts(head, reader);
    for (let index = 0; index < count; index++) {
      const id = (nextId + reader.zigzag()) as SegmentId;
      const tokenCount = reader.varint();
      const isField = index >= count - fieldSegments;
      onSegment(id, tokenCount, isField);
      if (!isField) tokens += tokenCount;
      nextId = id + 1;
    }
  }
  return { messages, tokens, bytes: reader.position, nextId };
}

/** Returns the distinct segments that a message list names. */
export function segmentsNamed(list: Uint8Array): Set<SegmentId> {
  const ids = new Set<SegmentId>();
  scanMessages(list, (id) => ids.add(id));
  return ids;
}

/** Reads the number of segments, and that of those which are fields. */
function readCounts(head: number, reader: ByteReader): { count: number; fieldSegments: number } {
  const count = head & HAS_COUNT ? reader.varint() : 1;
  if ((head & HAS_COUNT) === 0 || count !== HAS_FIELDS) return { count, fieldSegments: 0 };
  return { count: reader.varint(), fieldSegments: reader.varint() };
}

function readRole(code: number, reader: ByteReader, nameOf: StringOf): string {
  if (code === ROLE_FOLLOWS) return readString(reader, nameOf);
  return code === 0 ? '' : nameOf(code as StringCode);
}
