import {
  checkAttachment,
  type ConversationSpec,
  limits,
  type MessageRecord,
  type NamedSegment,
  type Speaker,
  StowkenError,
  type TokenRun,
  withFieldSegments,
} from '../../../model/index.js';
import { MappedBytes } from '../../../text/index.js';
import { MessagePacker, type PackedMessages } from '../../../storage/index.js';
import { throwIfAborted, yieldToEventLoop } from '../../event-loop.js';
import { type BlockFingerprints, newFingerprints, prefixOf } from '../../prefix/index.js';
import type { MessageContent } from '../../content.js';
import type { KeptMemory, StoreResult, UploadInput, UploadPart } from '../types.js';
import { AttachmentWriter } from '../attachments.js';
import { toStoreResult } from '../commit-segments.js';
import { piecesOf } from '../../content-pieces.js';
import { encodeTexts, readContent } from '../contents.js';
import { readFields } from '../fields.js';
import { RequestDigest, specFields } from '../request-mark.js';
import { createSplitter, type MessageSplitter, splitMessage } from '../splitter.js';
import { expectation, type StoreParts, withId } from '../store.js';
import { TextRoom } from '../text-room.js';
import { withTokenizer } from '../tokenizer-of.js';
import { EarlySegments } from '../early-segments.js';

/** Memory of a segment of the open message, beside its tokens. */
const openSegmentBytes = 160;

/** A message whose tokens are arriving. */
interface OpenMessage {
  readonly speaker: Speaker;
  readonly segments: NamedSegment[];
  /** Segments of its fields, then those of its attachments. */
  readonly fields: NamedSegment[];
  readonly attachments: AttachmentWriter;
  /** True: the text of special tokens becomes these tokens. */
  readonly specials: boolean;
  /** Form of its blocks, once there are some. */
  form: 'tokens' | 'text' | undefined;
  /** Its text so far in UTF-8, which is encoded at the message's end. */
  text: MappedBytes | undefined;
}

/** One upload, from its spec to its commit. Takes its parts in order; refuses parts out of order. */
export class Upload {
  readonly #segments: EarlySegments;
  readonly #cutter: MessageSplitter;
  readonly #messages = new MessageList();
  readonly #digest: RequestDigest | undefined;
  readonly #fingerprints: BlockFingerprints | undefined;
  #open: OpenMessage | undefined;
  readonly #textRoom: TextRoom;
  #tokens = 0;
  #hasText = false;
  #finished = false;

  constructor(
    private readonly parts: StoreParts,
    private readonly input: UploadInput,
    private readonly signal: AbortSignal,
    memory: KeptMemory,
  ) {
    this.#textRoom = new TextRoom(memory, signal);
    const { spec, ifRevision, requestId } = input;
    this.#segments = new EarlySegments(parts, spec.id, signal);
    this.#cutter = createSplitter(parts.core);
    this.#fingerprints = newFingerprints(parts);
    if (requestId !== undefined) this.#digest = new RequestDigest('upload', [specFields(spec), ifRevision]);
  }

  get messageCount(): number {
    return this.#messages.length;
  }

  /** Approximate memory that it holds besides text, in bytes; it grows with the data that has arrived. */
  get heldBytes(): number {
    const open = (this.#open?.segments.length ?? 0) + (this.#open?.fields.length ?? 0);
    const openBytes = open * openSegmentBytes;
    return this.#messages.bytes + openBytes + this.#segments.heldBytes + (this.#fingerprints?.heldBytes ?? 0);
  }

  async take(part: UploadPart): Promise<void> {
    if (this.#finished) refuse(part.kind, 'comes after finish');
    switch (part.kind) {
      case 'message':
        await this.#endMessage();
        this.#open = {
          speaker: part.speaker,
          segments: [],
          fields: await this.#fieldSegments(part.fields),
          attachments: new AttachmentWriter(this.parts.core),
          specials: part.specials === true,
          form: undefined,
          text: undefined,
        };
        return;
      case 'tokens':
        if (this.#open === undefined) refuse('tokens', 'comes before any message');
        return this.#addContent(this.#open, part.content);
      case 'attachment':
        if (this.#open === undefined) refuse('attachment', 'comes before any message');
        return this.#addAttachment(this.#open, part);
      case 'finish':
        await this.#endMessage();
        this.#checkTotal(part.totalTokens);
        this.#finished = true;
    }
  }

  /** Commits the conversation, which makes it visible. */
  async commit(): Promise<StoreResult> {
    if (!this.#finished) refuse('finish', 'is missing: the requests ended without it');
    throwIfAborted(this.signal); // It may have waited for other uploads.
    const { spec: given, ifRevision, requestId } = this.input;
    const spec = this.#hasText ? this.#specOfText() : given;
    const timeMs = this.parts.clock();
    const messages = this.#messages.finish();
    const request = this.#digest && requestId !== undefined && this.#digest.mark(requestId, timeMs);
    const result = await this.#segments.commitWith({
      ...(request && { request }),
      put: {
        spec: withId(spec),
        messages,
        expect: expectation(ifRevision),
        timeMs,
        ...prefixOf(this.#fingerprints),
      },
    });
    return toStoreResult(result.put!);
  }

  async #addContent(message: OpenMessage, content: MessageContent): Promise<void> {
    if (content.kind === 'none') return;
    const form = content.kind === 'text' ? 'text' : 'tokens';
    message.form ??= form;
    if (message.form !== form) refuse('tokens.content', 'is text and tokens in the same message');
    if (content.kind !== 'text')
      return this.#addRun(message, readContent(this.parts.core, content, 'tokens'));
    message.text ??= new MappedBytes(limits.uploadTextBytesMax);
    const length = message.text.length + content.utf8.length;
    checkText(length);
    await this.#textRoom.growTo(length);
    message.text.add(content.utf8);
  }

  /** Releases everything it holds; to be called at its end. */
  close(): void {
    this.#open?.text?.release();
    this.#textRoom.close();
  }

  async #addRun(message: OpenMessage, run: TokenRun): Promise<void> {
    this.#tokens += run.tokenCount;
    for (const segment of this.#cutter.push(run)) await this.#addSegment(message, segment);
  }

  async #addSegment(message: OpenMessage, segment: TokenRun): Promise<void> {
    this.#fingerprints?.push(segment);
    const hash = this.parts.core.hash(segment.varints);
    await this.#segments.add(hash, segment);
    message.segments.push({ hash, tokenCount: segment.tokenCount });
  }

  async #fieldSegments(fields: Uint8Array | undefined): Promise<NamedSegment[]> {
    const segments: NamedSegment[] = [];
    if (fields === undefined) return segments;
    for (const piece of (await readFields(this.parts, [{ fields }], this.signal))[0]!)
      await this.#addFieldSegments(segments, splitMessage(this.parts.core, [piece]));
    return segments;
  }

  async #addAttachment(
    { attachments, fields }: OpenMessage,
    { begins, bytes }: Extract<UploadPart, { kind: 'attachment' }>,
  ): Promise<void> {
    if (begins) await this.#addFieldSegments(fields, attachments.begin());
    else if (attachments.count === 0) refuse('attachment.begins', 'is not set, and none has begun');
    checkAttachment('attachment', attachments.count, attachments.sizeBytes + bytes.length);
    // A copy: bytes that wait for their segment's end outlive the request.
    await this.#addFieldSegments(fields, attachments.push(Buffer.from(bytes)));
  }

  async #addFieldSegments(fields: NamedSegment[], runs: Iterable<TokenRun>): Promise<void> {
    for (const run of runs) {
      const hash = this.parts.core.hash(run.varints);
      await this.#segments.add(hash, run);
      fields.push({ hash, tokenCount: run.tokenCount });
    }
  }

  async #endMessage(): Promise<void> {
    const message = this.#open;
    if (message === undefined) return;
    await this.#addFieldSegments(message.fields, message.attachments.finish());
    if (message.form === 'text') await this.#endText(message);
    for (const segment of this.#cutter.end()) await this.#addSegment(message, segment);
    const segments = [...message.segments, ...message.fields];
    const record = withFieldSegments({ ...message.speaker, segments }, message.fields.length);
    this.#messages.add(record);
    this.#digest?.add(record);
    this.#open = undefined;
  }

  async #endText(message: OpenMessage): Promise<void> {
    const { core, tokenizers } = this.parts;
    const text = message.text!;
    const texts = [{ utf8: text.finish(), at: 'tokens' }];
    const { tokenizer } = this.#specOfText();
    const { specials } = message;
    const { le32, release } = await encodeTexts(tokenizers, tokenizer, texts, this.signal, { specials });
    text.release();
    this.#textRoom.close();
    try {
      for (const piece of piecesOf({ kind: 'le32', bytes: le32[0]! })) {
        await this.#addRun(message, readContent(core, piece, 'tokens'));
        await yieldToEventLoop();
        throwIfAborted(this.signal);
      }
    } finally {
      release();
    }
    this.#hasText = true;
  }

  #specOfText(): ConversationSpec {
    return withTokenizer(this.parts.tokenizers, this.input.spec);
  }

  #checkTotal(totalTokens: number | undefined): void {
    if (totalTokens === undefined && this.#hasText) return;
    if ((totalTokens ?? 0) === this.#tokens) return;
    const field = 'finish.total_tokens';
    const stated = totalTokens === undefined ? 'missing' : String(totalTokens);
    throw new StowkenError(
      'INVALID_FIELD',
      `${field} is ${stated}, and ${this.#tokens} tokens have arrived`,
      {
        field,
        ...(totalTokens !== undefined && { value: stated }),
        size: String(this.#tokens),
      },
    );
  }
}

function refuse(field: string, sentence: string): never {
  throw new StowkenError('INVALID_FIELD', `${field} ${sentence}`, { field });
}

function checkText(size: number): void {
  const limit = limits.uploadTextBytesMax;
  if (size <= limit) return;
  const field = 'tokens.text';
  throw new StowkenError(
    'REQUEST_TOO_LARGE',
    `${field} has ${size} bytes in one message; the limit is ${limit}`,
    { field, size: String(size), limit: String(limit) },
  );
}

/** Messages of an upload as bytes, up to the limit of one upload. */
class MessageList {
  readonly #packer = new MessagePacker();

  get length(): number {
    return this.#packer.length;
  }

  get bytes(): number {
    return this.#packer.bytes;
  }

  /** @throws StowkenError REQUEST_TOO_LARGE */
  add(message: MessageRecord): void {
    check('messages', this.length + 1, limits.uploadMessagesMax);
    check('bytes of its list of messages', this.#packer.bytesWith(message), limits.uploadListBytesMax);
    this.#packer.add(message);
  }

  finish(): PackedMessages {
    return this.#packer.finish();
  }
}

function check(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('REQUEST_TOO_LARGE', `the upload has ${size} ${what}; the limit is ${limit}`, {
    size: String(size),
    limit: String(limit),
  });
}
