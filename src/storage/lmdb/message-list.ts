import type { Speaker } from '../../model/index.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { readName, writeName, type NameOf } from './manifest.js';
import type { NameCodes } from './names.js';

export interface ListedSegment {
  readonly id: number;
  readonly tokenCount: number;
}

/** A message as a manifest keeps it. */
export interface ListedMessage extends Speaker {
  readonly segments: readonly ListedSegment[];
}

/** A message's first byte: flags, and the role's name in the five low bits, or ROLE_FOLLOWS. */
const HAS_NAME = 0x20;
const HAS_TOOL_CALL = 0x40;
/** The number of segments follows; else there is exactly one. */
const HAS_COUNT = 0x80;
const ROLE_MASK = 0x1f;
const ROLE_FOLLOWS = 0x1f;

/** Segments that follow one another in id order, as new ones do, take one byte and their token count. */
export function encodeMessages(messages: readonly ListedMessage[], names: NameCodes): Uint8Array {
  const writer = new ByteWriter(1024);
  let expectedId = 0;
  for (const { role, name, toolCallId, segments } of messages) {
    const roleCode = role === '' ? 0 : (names.codeOf(role, 'label') ?? ROLE_FOLLOWS);
    const shortRole = Math.min(roleCode, ROLE_FOLLOWS);
    const counted = segments.length !== 1;
    writer.byte(
      shortRole +
        (name === '' ? 0 : HAS_NAME) +
        (toolCallId === '' ? 0 : HAS_TOOL_CALL) +
        (counted ? HAS_COUNT : 0),
    );
    if (shortRole === ROLE_FOLLOWS) writeName(writer, role, 'label', names);
    if (name !== '') writeName(writer, name, 'speaker', names);
    if (toolCallId !== '') writer.text(toolCallId);
    if (counted) writer.varint(segments.length);
    for (const { id, tokenCount } of segments) {
      writer.zigzag(id - expectedId).varint(tokenCount);
      expectedId = id + 1;
    }
  }
  return writer.finish();
}

/** Reads to the end of the list. */
export function* decodeMessages(list: Uint8Array, nameOf: NameOf): Generator<ListedMessage, void, void> {
  const reader = new ByteReader(list);
  let expectedId = 0;
  while (!reader.atEnd) {
    const head = reader.byte();
    const role = readRole(head & ROLE_MASK, reader, nameOf);
    const name = head & HAS_NAME ? readName(reader, nameOf) : '';
    const toolCallId = head & HAS_TOOL_CALL ? reader.text() : '';
    const count = head & HAS_COUNT ? reader.varint() : 1;
    const segments: ListedSegment[] = [];
    for (let index = 0; index < count; index++) {
      const id = expectedId + reader.zigzag();
      segments.push({ id, tokenCount: reader.varint() });
      expectedId = id + 1;
    }
    yield { role, name, toolCallId, segments };
  }
}

/** The distinct segments that a message list names. */
export function segmentsNamed(list: Uint8Array, nameOf: NameOf): Set<number> {
  const ids = new Set<number>();
  for (const { segments } of decodeMessages(list, nameOf)) for (const { id } of segments) ids.add(id);
  return ids;
}

function readRole(code: number, reader: ByteReader, nameOf: NameOf): string {
  if (code === ROLE_FOLLOWS) return readName(reader, nameOf);
  return code === 0 ? '' : nameOf(code);
}
