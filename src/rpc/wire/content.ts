import { StowkenError } from '../../model/index.js';
import type { MessageContent } from '../../vault/index.js';
import { checkUtf8, enterMessage, leaveMessage, type StrictReader } from './reader.js';

/** Tags of TokenList: field number << 3 | wire type. */
const tags = { idsPacked: (1 << 3) | 2, idsUnpacked: 1 << 3 } as const;

/**
 * Reads a message's content at the reader, in any of its forms, without decoding its tokens. The bytes are
 * views of the request if possible. `field` names the message in errors. To be created at the message's
 * start. If one form occurs repeatedly, the last counts, or all of them for tokens; two different forms are
 * INVALID_FIELD.
 */
export class ContentReader {
  #content: MessageContent = { kind: 'none' };
  #gatherer: TokenGatherer | undefined;
  readonly #capacityBytes: number;

  constructor(
    private readonly reader: StrictReader,
    private readonly field: string,
  ) {
    this.#capacityBytes = reader.len - reader.pos;
  }

  get content(): MessageContent {
    return this.#content;
  }

  tokens(): void {
    const { reader, field } = this;
    this.#gatherer ??= new TokenGatherer(field, reader.buf, this.#capacityBytes);
    readTokenList(reader, this.#gatherer);
    this.#replace({ kind: 'varints', chunks: this.#gatherer.chunks() });
  }

  le32(): void {
    this.#replace({ kind: 'le32', bytes: this.reader.bytes() });
  }

  text(): void {
    const utf8 = this.reader.bytes();
    checkUtf8(utf8);
    this.#replace({ kind: 'text', utf8 });
  }

  #replace(next: MessageContent): void {
    if (this.#content.kind !== 'none' && this.#content.kind !== next.kind) {
      const field = `${this.field}.content`;
      throw new StowkenError('INVALID_FIELD', `${field} is given in more than one form`, { field });
    }
    this.#content = next;
  }
}

function readTokenList(reader: StrictReader, gatherer: TokenGatherer): void {
  const outerEnd = enterMessage(reader);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === tags.idsPacked) {
      const length = reader.uint32();
      const start = reader.pos;
      gatherer.add(start, reader.skip(length).pos);
    } else if (tag === tags.idsUnpacked) {
      const start = reader.pos;
      gatherer.add(start, reader.skip().pos);
    } else {
      reader.skipType(tag & 7);
    }
  }
  leaveMessage(reader, outerEnd);
}

/** Limit of the bytes that a loop copies faster than TypedArray.set. */
const loopCopyBytesMax = 16;

/**
 * Gathers the pieces of a `repeated uint32` field. The ordinary form, one packed piece, stays a view of the
 * request. Any further piece makes it copy, into one buffer, so that a request of millions of tiny pieces
 * costs no more memory than its own size.
 */
class TokenGatherer {
  #start = 0;
  #end = 0;
  #copy: Buffer | undefined;
  #copiedBytes = 0;

  /** `field`: name of the message. `capacityBytes`: upper bound of the bytes of all pieces together. */
  constructor(
    private readonly field: string,
    private readonly request: Uint8Array,
    private readonly capacityBytes: number,
  ) {}

  /** Adds whole varints at a range of the request: the payload of a packed piece, or one unpacked element. */
  add(start: number, end: number): void {
    if (start === end) return;
    if (this.#start === this.#end) {
      this.#start = start;
      this.#end = end;
      return;
    }
    if (this.#copy === undefined) {
      this.#copy = Buffer.allocUnsafe(this.capacityBytes);
      this.#append(this.#copy, this.#start, this.#end);
    }
    this.#append(this.#copy, start, end);
  }

  /** Returns one chunk of varints, or none if there are no tokens. */
  chunks(): Uint8Array[] {
    if (this.#copy !== undefined) return [this.#copy.subarray(0, this.#copiedBytes)];
    return this.#start === this.#end ? [] : [this.request.subarray(this.#start, this.#end)];
  }

  #append(copy: Buffer, start: number, end: number): void {
    // If joined, the last varint of one piece would absorb the first of the next.
    if ((this.request[end - 1] ?? 0) >= 0x80) {
      const field = `${this.field}.tokens.ids`;
      throw new StowkenError('MALFORMED_TOKENS', `${field} ends within a varint`, { field });
    }
    if (end - start <= loopCopyBytesMax) {
      for (let at = start; at < end; at++) copy[this.#copiedBytes++] = this.request[at] ?? 0;
    } else {
      copy.set(this.request.subarray(start, end), this.#copiedBytes);
      this.#copiedBytes += end - start;
    }
  }
}
