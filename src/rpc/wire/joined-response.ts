import protobuf from 'protobufjs';
import type { JoinedMessages } from '../../vault/index.js';
import { lengthDelimited, lengthDelimitedType, writeHead, writeVarint } from './placed-fields.js';

/** Number of the field joined of RetrievedPart, whose tag has two bytes. */
const joinedField = 190;
const joinedTag = (joinedField << 3) | lengthDelimitedType;

/**
 * Encodes a RetrieveConversationsResponse that has one part, with joined messages, whose tokens are copied
 * once.
 */
export function encodeJoinedOfMany(index: number, { pieces, messages }: JoinedMessages): Buffer {
  const tokensLength = pieces.reduce((sum, { length }) => sum + length, 0);
  const described = descriptions(messages);
  const end = partEnd(index);
  const joinedLength = (tokensLength === 0 ? 0 : lengthDelimited(tokensLength)) + described.length;
  const partLength = 1 + lengthDelimited(joinedLength) + end.length;
  const bytes = Buffer.allocUnsafe(lengthDelimited(partLength));
  let at = writeHead(bytes, 0, 1, partLength);
  at = writeVarint(bytes, at, joinedTag);
  at = writeVarint(bytes, at, joinedLength);
  if (tokensLength > 0) at = writeHead(bytes, at, 1, tokensLength);
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  bytes.set(described, at);
  bytes.set(end, at + described.length);
  return bytes;
}

/** Encodes the fields of JoinedMessages beside the tokens. */
function descriptions(messages: JoinedMessages['messages']): Uint8Array {
  const writer = protobuf.Writer.create();
  if (messages.length === 0) return writer.finish();
  const roles = new Map<string, number>();
  writer.uint32((2 << 3) | lengthDelimitedType).fork();
  for (const { tokenCount } of messages) writer.uint64(tokenCount);
  writer
    .ldelim()
    .uint32((3 << 3) | lengthDelimitedType)
    .fork();
  for (const { role } of messages) {
    const known = roles.get(role) ?? roles.size;
    if (known === roles.size) roles.set(role, known);
    writer.uint32(known);
  }
  writer.ldelim();
  for (const role of roles.keys()) writer.uint32((4 << 3) | lengthDelimitedType).string(role);
  return writer.finish();
}

/** Encodes the fields of a RetrievedPart behind its messages: its index, and a status of defaults: OK. */
function partEnd(index: number): Uint8Array {
  const writer = protobuf.Writer.create();
  if (index !== 0) writer.uint32(3 << 3).uint32(index);
  return writer
    .uint32((4 << 3) | lengthDelimitedType)
    .uint32(0)
    .finish();
}
