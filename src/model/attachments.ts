import { StowkenError } from './errors.js';
import { limits } from './limits.js';

/**
 * Layout of attachments among the field segments of a message. First the fields' own segments; then the parts
 * of each attachment, in order: its bytes as le32 words, the last word filled up with zeros; last an index:
 *     mark, 1 (version), number of attachments, 0
 *     for each: size in bytes (low word, high word), number of its parts, 0, SHA-256 of its bytes (8 words)
 * No text begins with the mark: it is no token of fieldsTokenizer.
 */
const mark = 0xa77a_c4ed;
const version = 1;
const headWords = 4;
const entryWords = 12;

/** An attachment of a message. */
export interface AttachmentInfo {
  /** Hash of its bytes, in lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** An attachment with the number of segments that have its bytes. */
export interface AttachmentEntry extends AttachmentInfo {
  readonly parts: number;
}

/** True if a segment of so many tokens may be an index. */
export function mayBeIndex(tokenCount: number): boolean {
  return tokenCount > headWords && (tokenCount - headWords) % entryWords === 0;
}

/** Writes an index as le32. */
export function writeAttachmentIndex(entries: readonly AttachmentEntry[]): Buffer {
  const bytes = Buffer.alloc(4 * (headWords + entryWords * entries.length));
  bytes.writeUInt32LE(mark, 0);
  bytes.writeUInt32LE(version, 4);
  bytes.writeUInt32LE(entries.length, 8);
  for (const [index, { sha256, sizeBytes, parts }] of entries.entries()) {
    const at = 4 * (headWords + entryWords * index);
    bytes.writeUInt32LE(sizeBytes % 2 ** 32, at);
    bytes.writeUInt32LE(Math.floor(sizeBytes / 2 ** 32), at + 4);
    bytes.writeUInt32LE(parts, at + 8);
    bytes.write(sha256, at + 16, 'hex');
  }
  return bytes;
}

/** Reads an index; undefined if the bytes are something else. */
export function readAttachmentIndex(le32: Uint8Array): AttachmentEntry[] | undefined {
  const bytes = Buffer.from(le32.buffer, le32.byteOffset, le32.byteLength);
  if (!mayBeIndex(bytes.length / 4) || bytes.readUInt32LE(0) !== mark) return undefined;
  const count = bytes.readUInt32LE(8);
  if (bytes.readUInt32LE(4) !== version || bytes.length !== 4 * (headWords + entryWords * count))
    return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = 4 * (headWords + entryWords * index);
    return {
      sizeBytes: bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32,
      parts: bytes.readUInt32LE(at + 8),
      sha256: bytes.toString('hex', at + 16, at + 48),
    };
  });
}

/** Refuses attachments that are too many for a message, or too long. @throws StowkenError INVALID_FIELD */
export function checkAttachment(field: string, count: number, sizeBytes: number): void {
  const { attachmentsPerMessageMax: countMax, attachmentBytesMax: bytesMax } = limits;
  const [what, size, limit] =
    count > countMax
      ? [`is number ${count} of its message`, count, countMax]
      : [`has ${sizeBytes} bytes or more`, sizeBytes, bytesMax];
  if (size <= limit) return;
  throw new StowkenError('INVALID_FIELD', `${field} ${what}; the limit is ${limit}`, {
    field,
    size: String(size),
    limit: String(limit),
  });
}
