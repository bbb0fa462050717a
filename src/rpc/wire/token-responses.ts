import protobuf from 'protobufjs';
import type { AttachmentInfo } from '../../model/index.js';
import type {
  ChunkContent,
  MessageDescription,
  RetrievePart,
  SegmentPart,
  TextTokens,
} from '../../vault/index.js';
import {
  lengthDelimited,
  lengthDelimitedType,
  varintField,
  writeHead,
  writeVarint,
  writeVarintField,
} from './placed-fields.js';

type ChunkPart = Extract<RetrievePart, { kind: 'chunk' }>;

/** Numbers of the fields of Chunk that have the tokens of its text. */
const textTokensField = 128;
const textTokenEndsField = 129;
/** Number of the field fields_json of MessageInfo. */
const fieldsField = 60;
/** Number of the field attachments of MessageInfo. */
const attachmentsField = 160;

/** Encodes a RetrieveConversationResponse that has a chunk. */
export function encodeChunk(part: ChunkPart): Buffer {
  return encoded(part, undefined);
}

/** Encodes a RetrieveConversationsResponse that has one part, which is a chunk. */
export function encodeChunkOfMany(index: number, part: ChunkPart): Buffer {
  return encoded(part, itemTail(index));
}

/**
 * Lengths are computed first, then every byte is written in place, so that the content is copied once, into a
 * buffer of the right size. Fields with default values are left out. A tail has the further fields of a part
 * of many.
 */
function encoded(part: ChunkPart, tail: Buffer | undefined): Buffer {
  const { content, message } = part;
  const text = content?.kind === 'text' ? Buffer.from(content.text) : undefined;
  const contentBytes = text ?? (content as Exclude<ChunkContent, { kind: 'text' }> | undefined)?.bytes;
  const tokens = content?.kind === 'text' && content.tokens ? tokensTail(content.tokens) : undefined;
  const messageLength = message === undefined ? 0 : descriptionLength(message);
  const contentLength = contentBytes?.length ?? 0;
  const isList = content?.kind === 'varints';
  const listLength = isList && contentLength > 0 ? lengthDelimited(contentLength) : 0;
  const chunkLength =
    varintField(part.messageIndex) +
    varintField(part.tokenOffset) +
    (content === undefined ? 0 : lengthDelimited(isList ? listLength : contentLength)) +
    (part.endOfMessage ? 2 : 0) +
    (message === undefined ? 0 : lengthDelimited(messageLength)) +
    (content?.kind === 'text' && content.replaced ? 2 : 0) +
    (tokens?.length ?? 0);

  const partLength = lengthDelimited(chunkLength) + (tail?.length ?? 0);
  const bytes = Buffer.allocUnsafe(tail === undefined ? partLength : lengthDelimited(partLength));
  let at = tail === undefined ? 0 : writeHead(bytes, 0, 1, partLength);
  at = writeHead(bytes, at, 2, chunkLength);
  at = writeVarintField(bytes, at, 1, part.messageIndex);
  at = writeVarintField(bytes, at, 2, part.tokenOffset);
  if (content !== undefined) {
    if (isList) {
      at = writeHead(bytes, at, 3, listLength);
      if (contentLength > 0) at = writeHead(bytes, at, 1, contentLength);
    } else {
      at = writeHead(bytes, at, content.kind === 'le32' ? 4 : 5, contentLength);
    }
    bytes.set(contentBytes!, at);
    at += contentLength;
  }
  if (part.endOfMessage) at = writeVarintField(bytes, at, 6, 1);
  if (message !== undefined) at = writeDescription(bytes, at, message, messageLength);
  if (content?.kind === 'text' && content.replaced) at = writeVarintField(bytes, at, 8, 1);
  if (tokens) at += tokens.copy(bytes, at);
  tail?.copy(bytes, at);
  return bytes;
}

/** Encodes the fields of a Chunk that have the tokens of its text. */
function tokensTail({ le32, ends = new Uint32Array() }: TextTokens): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32((textTokensField << 3) | lengthDelimitedType).bytes(le32);
  if (ends.length > 0) {
    writer.uint32((textTokenEndsField << 3) | lengthDelimitedType).fork();
    for (const end of ends) writer.uint32(end);
    writer.ldelim();
  }
  return Buffer.from(writer.finish());
}

/** Encodes the fields of a RetrievedPart beside its chunk: its index, and a status of defaults: OK. */
function itemTail(index: number): Buffer {
  const statusBytes = 2;
  const bytes = Buffer.alloc(varintField(index) + statusBytes);
  writeHead(bytes, writeVarintField(bytes, 0, 3, index), 4, 0);
  return bytes;
}

function descriptionLength(description: MessageDescription): number {
  const { role, name, toolCallId, tokenCount, fieldsJson = '', attachments } = description;
  const labels = labelLength(role) + labelLength(name) + labelLength(toolCallId);
  // The tag of the fields has one byte more.
  const fields = fieldsJson === '' ? 0 : 1 + lengthDelimited(Buffer.byteLength(fieldsJson));
  const others = attachments === undefined ? 0 : attachmentsTail(attachments).length;
  return varintField(tokenCount) + labels + fields + others;
}

/** Encodes the field attachments of a MessageInfo. */
function attachmentsTail(attachments: readonly AttachmentInfo[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const { sha256, sizeBytes } of attachments) {
    writer.uint32((attachmentsField << 3) | lengthDelimitedType).fork();
    writer.uint32((1 << 3) | lengthDelimitedType).string(sha256);
    writer.uint32(2 << 3).uint64(sizeBytes);
    writer.ldelim();
  }
  return Buffer.from(writer.finish());
}

function labelLength(label: string): number {
  return label === '' ? 0 : lengthDelimited(utf8Length(label));
}

/** Writes a MessageInfo without segments. */
function writeDescription(
  bytes: Buffer,
  start: number,
  { role, name, toolCallId, tokenCount, fieldsJson = '', attachments }: MessageDescription,
  length: number,
): number {
  let at = writeHead(bytes, start, 7, length);
  at = writeLabel(bytes, at, 1, role);
  at = writeLabel(bytes, at, 2, name);
  at = writeLabel(bytes, at, 3, toolCallId);
  at = writeVarintField(bytes, at, 4, tokenCount);
  if (attachments !== undefined) at += attachmentsTail(attachments).copy(bytes, at);
  if (fieldsJson === '') return at;
  at = writeVarint(bytes, at, (fieldsField << 3) | lengthDelimitedType);
  at = writeVarint(bytes, at, Buffer.byteLength(fieldsJson));
  return at + bytes.write(fieldsJson, at);
}

function writeLabel(bytes: Buffer, at: number, field: number, label: string): number {
  if (label === '') return at;
  const length = utf8Length(label);
  const start = writeHead(bytes, at, field, length);
  if (length > label.length) return start + bytes.write(label, start);
  for (let index = 0; index < length; index++) bytes[start + index] = label.charCodeAt(index);
  return start + length;
}

/**
 * Returns a label's size in UTF-8. Labels are short and mostly ASCII, so a loop is faster than a call of
 * Buffer's own functions.
 */
function utf8Length(label: string): number {
  for (let index = 0; index < label.length; index++) {
    if (label.charCodeAt(index) >= 0x80) return Buffer.byteLength(label);
  }
  return label.length;
}

type SegmentChunk = Extract<SegmentPart, { kind: 'chunk' }>;

/** Encodes a GetSegmentsResponse that has a chunk; the tokens' bytes are copied once, unchanged. */
export function encodeSegmentChunk(part: SegmentChunk): Buffer {
  const writer = protobuf.Writer.create();
  if (part.index !== 0) writer.uint32(1 << 3).uint32(part.index);
  // An ItemStatus of defaults: OK.
  writer.uint32((2 << 3) | lengthDelimitedType).uint32(0);
  writer.uint32(3 << 3).uint32(part.tokenCount);
  if (part.tokenOffset !== 0) writer.uint32(4 << 3).uint32(part.tokenOffset);
  if (part.content.kind === 'le32') {
    writer.uint32((6 << 3) | lengthDelimitedType).bytes(part.content.bytes);
  } else {
    writer.uint32((5 << 3) | lengthDelimitedType).fork();
    writer.uint32((1 << 3) | lengthDelimitedType).bytes(part.content.bytes);
    writer.ldelim();
  }
  if (part.endOfSegment) writer.uint32(7 << 3).bool(true);
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
