import protobuf from 'protobufjs';
import type { ChunkContent, MessageDescription, RetrievePart } from '../../vault/index.js';

type ChunkPart = Extract<RetrievePart, { kind: 'chunk' }>;

const lengthDelimited = 2;

/**
 * Encodes a RetrieveConversationResponse that holds a chunk. The content's bytes are written as they
 * are, with one copy, when the message is laid out; fields with their default values are left out.
 */
export function encodeChunk(part: ChunkPart): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32((2 << 3) | lengthDelimited).fork();
  if (part.messageIndex !== 0) writer.uint32(1 << 3).uint32(part.messageIndex);
  if (part.tokenOffset !== 0) writer.uint32(2 << 3).uint64(part.tokenOffset);
  if (part.content !== undefined) writeContent(writer, part.content);
  if (part.endOfMessage) writer.uint32(6 << 3).bool(true);
  if (part.message !== undefined) writeDescription(writer, part.message);
  if (part.content?.kind === 'text' && part.content.replaced) writer.uint32(8 << 3).bool(true);
  const bytes = writer.ldelim().finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeContent(writer: protobuf.Writer, content: ChunkContent): void {
  switch (content.kind) {
    case 'varints':
      writer.uint32((3 << 3) | lengthDelimited).fork();
      if (content.bytes.length > 0) writer.uint32((1 << 3) | lengthDelimited).bytes(content.bytes);
      writer.ldelim();
      return;
    case 'words':
      writer.uint32((4 << 3) | lengthDelimited).bytes(content.bytes);
      return;
    case 'text':
      writer.uint32((5 << 3) | lengthDelimited).string(content.text);
  }
}

/** A MessageInfo without segments. */
function writeDescription(writer: protobuf.Writer, message: MessageDescription): void {
  writer.uint32((7 << 3) | lengthDelimited).fork();
  if (message.role !== '') writer.uint32((1 << 3) | lengthDelimited).string(message.role);
  if (message.name !== '') writer.uint32((2 << 3) | lengthDelimited).string(message.name);
  if (message.toolCallId !== '') writer.uint32((3 << 3) | lengthDelimited).string(message.toolCallId);
  if (message.tokenCount !== 0) writer.uint32(4 << 3).uint64(message.tokenCount);
  writer.ldelim();
}
