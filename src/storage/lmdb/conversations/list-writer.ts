import { ByteWriter } from '../../shared/bytes.js';
import {
  INLINE_VALUE_BYTES,
  overflowBytes,
  PAGE_BYTES,
  BLOCK_LIST_BYTES,
  TAIL_ROOM_BYTES_MIN,
} from '../tables/layout.js';
import { assert, type Speaker } from '../../../model/index.js';
import type { BlockId, SegmentId } from '../tables/ids.js';
import { type ListedSegment, MessageEncoder, scanMessages } from './message-list.js';
import type { StringCodes } from './string-table.js';
import { decodeDirectory, writeBlockEntry } from './block-directory.js';
import type { StoredList } from './stored-list.js';

/** Target of a list. Each part of the list, block or tail, holds the segments that it names, once each. */
export interface ListTarget {
  readonly names: StringCodes;
  readonly messageBlocks: { add(list: Uint8Array): BlockId };
  /** hold() returns the references that the segment has with this one. */
  readonly segments: { hold(id: SegmentId): number };
  /** Hears of references by contents of messages. */
  readonly board: { raise(id: SegmentId, tokenCount: number, references: number): void };
}

/** Messages since the last block. */
interface OpenBlock {
  readonly encoder: MessageEncoder;
  readonly named: Set<number>;
  messages: number;
  tokens: number;
  bytesMax: number;
}

/**
 * Writes a message list, or continues one. Messages gather in the tail; when they fill a block, they become
 * one. The tail's references pass to the block, so that no count changes.
 */
export class ListWriter {
  readonly #directory = new ByteWriter();
  #tokensAdded = 0;
  #lastBlock: BlockId | undefined;
  #open: OpenBlock;

  constructor(private readonly target: ListTarget) {
    this.#open = this.#emptyBlock();
  }

  /** Tokens of the messages added, without the initial ones. */
  get tokensAdded(): number {
    return this.#tokensAdded;
  }

  /**
   * Continues a list with a directory and a tail. `held` is true if the list already holds their references.
   */
  resume({ directory, tail }: StoredList, held: boolean): void {
    this.#directory.raw(directory);
    const open = this.#open;
    const { messages, tokens, nextId } = scanMessages(tail, (id, tokenCount, isField) => {
      if (held) open.named.add(id);
      else this.#name(id, tokenCount, isField);
    });
    open.encoder.resume(tail, nextId);
    open.messages = messages;
    open.tokens = tokens;
  }

  add(speaker: Speaker & { readonly fieldSegments?: number }, segments: readonly ListedSegment[]): void {
    const before = this.#open.encoder.bytes;
    this.#open.encoder.add(speaker, segments);
    if (before > 0 && this.#open.encoder.bytes > this.#open.bytesMax) {
      this.seal(before);
      this.#open.encoder.add(speaker, segments);
    }
    const open = this.#open;
    // A message longer than a block gets one of its own size, with the messages that fit into its last
    // overflow page.
    if (open.messages === 0) open.bytesMax = blockBytesMax(open.encoder.bytes);
    open.messages += 1;
    const contents = segments.length - (speaker.fieldSegments ?? 0);
    for (const [index, { id, tokenCount }] of segments.entries()) {
      this.#name(id, tokenCount, index >= contents);
      if (index >= contents) continue;
      open.tokens += tokenCount;
      this.#tokensAdded += tokenCount;
    }
  }

  /** Makes a block of the tail. */
  seal(bytes = this.#open.encoder.bytes): void {
    const { encoder, messages, tokens } = this.#open;
    const id = this.target.messageBlocks.add(encoder.finish(bytes));
    writeBlockEntry(this.#directory, { id, messages, tokens }, this.#lastBlock ?? this.#lastBlockNamed());
    this.#lastBlock = id;
    this.#open = this.#emptyBlock();
  }

  /** Returns the list written so far; views until the next write. */
  list(): StoredList {
    return { directory: this.#directory.finish(), tail: this.#open.encoder.finish() };
  }

  #name(id: SegmentId, tokenCount: number, isField: boolean): void {
    assert(id > 0, 'a list names segments that are stored', id);
    const { named } = this.#open;
    if (named.has(id)) return;
    named.add(id);
    const references = this.target.segments.hold(id);
    if (!isField && references > 1) this.target.board.raise(id, tokenCount, references);
  }

  #lastBlockNamed(): BlockId | 0 {
    let last: BlockId | 0 = 0;
    for (const { id } of decodeDirectory(this.#directory.finish())) last = id;
    return last;
  }

  #emptyBlock(): OpenBlock {
    const encoder = new MessageEncoder(this.target.names);
    return { encoder, named: new Set(), messages: 0, tokens: 0, bytesMax: BLOCK_LIST_BYTES };
  }
}

/**
 * Returns the limit of a tail beside a header and a directory of so many bytes. The record stays inside a
 * leaf page if possible. But a list that `grows` message by message gets no small blocks for lack of room
 * there.
 */
export function tailBytesMax(headBytes: number, grows: boolean): number {
  const room = INLINE_VALUE_BYTES - headBytes;
  return room >= (grows ? TAIL_ROOM_BYTES_MIN : 0) ? room : BLOCK_LIST_BYTES;
}

function blockBytesMax(firstBytes: number): number {
  if (firstBytes <= BLOCK_LIST_BYTES) return BLOCK_LIST_BYTES;
  return overflowBytes(Math.ceil((firstBytes + PAGE_BYTES - overflowBytes(1)) / PAGE_BYTES));
}
