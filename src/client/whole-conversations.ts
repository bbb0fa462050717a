import { status } from '@grpc/grpc-js';
import { endianness } from 'node:os';
import type { Conversation } from '../model/index.js';
import { decodeOwn } from './contract.js';
import { ClientError, itemError } from './errors.js';
import { fromWireConversation } from './mapping.js';
import type { RoleAndTokens, WholeOfMany } from './read-types.js';
import { WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited } = wireTypes;
/** Number of the field joined of RetrievedPart. */
const joinedField = 190;
const littleEndian = endianness() === 'LE';

/**
 * Joins the parts of many conversations, as RetrieveConversationsResponse has them, to whole ones. It reads
 * the bytes of responses itself, and copies tokens once, to where they stay. Fields that it does not know are
 * left out, as in every message.
 */
export class WholeConversations {
  #open: OpenConversation | undefined;
  #done: WholeOfMany[] = [];

  /** Conversations of more tokens are not read. */
  constructor(private readonly tokensMax: number) {}

  /** Returns the conversations that a response completes. @throws ClientError INTERNAL if it is malformed */
  take(response: Buffer): readonly WholeOfMany[] {
    try {
      const reader = new WireReader(response);
      while (reader.next()) {
        if (reader.field === 1 && reader.type === lengthDelimited) this.#takePart(reader.message());
        else reader.skip();
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw malformed(error.message);
    }
    return this.#taken();
  }

  /** Returns what is left when all responses were taken. */
  finish(): readonly WholeOfMany[] {
    this.#close();
    return this.#taken();
  }

  #taken(): readonly WholeOfMany[] {
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #takePart(part: WireReader): void {
    let index = 0;
    let header: Buffer | undefined;
    let chunk: WireReader | undefined;
    let joined: WireReader | undefined;
    let itemStatus: Buffer | undefined;
    while (part.next()) {
      const { field, type } = part;
      if (field === 1 && type === lengthDelimited) header = part.slice();
      else if (field === 2 && type === lengthDelimited) chunk = part.message();
      else if (field === 3 && type === varint) index = part.varint();
      else if (field === 4 && type === lengthDelimited) itemStatus = part.slice();
      else if (field === joinedField && type === lengthDelimited) joined = part.message();
      else part.skip();
    }
    const error = itemStatus?.length ? itemError(decodeOwn('ItemStatus', itemStatus)) : undefined;
    if (this.#open && (this.#open.index !== index || header)) this.#close();
    if (error) {
      this.#open = undefined; // A conversation can fail behind its beginning.
      this.#done.push({ kind: 'failed', index, error });
    } else if (header) {
      const conversation = fromWireConversation(decodeOwn('Conversation', header));
      this.#open = new OpenConversation(index, conversation, this.tokensMax);
    } else if (chunk || joined) {
      if (!this.#open) throw malformed(`part ${index} came without its header`);
      if (chunk) this.#open.addChunk(chunk);
      if (joined) this.#open.addJoined(joined);
    }
  }

  #close(): void {
    if (this.#open) this.#done.push(this.#open.close());
    this.#open = undefined;
  }
}

/** A conversation whose chunks are arriving. */
class OpenConversation {
  /** Undefined if it is too long. */
  readonly #tokens: Uint32Array | undefined;
  readonly #bytes: Uint8Array;
  readonly #messages: RoleAndTokens[] = [];
  #filled = 0;

  constructor(
    readonly index: number,
    private readonly conversation: Conversation,
    tokensMax: number,
  ) {
    const { totalTokens } = conversation;
    if (totalTokens <= tokensMax) this.#tokens = new Uint32Array(totalTokens);
    this.#bytes = new Uint8Array(this.#tokens?.buffer ?? new ArrayBuffer(0));
  }

  /** Takes messages that came joined. */
  addJoined(joined: WireReader): void {
    if (!this.#tokens) return;
    const roles: string[] = [];
    const roleOf: number[] = [];
    const counts: number[] = [];
    while (joined.next()) {
      const { field, type } = joined;
      if (field === 1 && type === lengthDelimited)
        this.#addContent(joined.bytes, joined.skipped(), joined.at);
      else if (field === 2) readNumbers(joined, counts);
      else if (field === 3) readNumbers(joined, roleOf);
      else if (field === 4 && type === lengthDelimited) roles.push(joined.text());
      else joined.skip();
    }
    for (const [at, tokenCount] of counts.entries())
      this.#messages.push({ role: roles[roleOf[at]!] ?? '', tokenCount });
  }

  /** Takes a chunk of a message, as a server that cannot join messages sends it. */
  addChunk(chunk: WireReader): void {
    if (!this.#tokens) return;
    while (chunk.next()) {
      const { field, type } = chunk;
      if (field === 4 && type === lengthDelimited) this.#addContent(chunk.bytes, chunk.skipped(), chunk.at);
      else if (field === 7 && type === lengthDelimited) this.#messages.push(described(chunk.message()));
      else chunk.skip();
    }
  }

  close(): WholeOfMany {
    const { index, conversation } = this;
    const { totalTokens, messageCount } = conversation;
    if (!this.#tokens) return { kind: 'tooLong', index, conversation };
    if (this.#filled !== 4 * totalTokens) {
      const error = malformed(`${this.#filled / 4} of ${totalTokens} tokens came`);
      return { kind: 'failed', index, error };
    }
    const counted = this.#messages.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    if (this.#messages.length !== messageCount) {
      const error = malformed(`${this.#messages.length} of ${messageCount} messages came`);
      return { kind: 'failed', index, error };
    }
    if (counted !== totalTokens) {
      const error = malformed(`its messages have ${counted} tokens, and the conversation ${totalTokens}`);
      return { kind: 'failed', index, error };
    }
    if (!littleEndian) Buffer.from(this.#bytes.buffer).swap32();
    return { kind: 'conversation', index, conversation, tokens: this.#tokens, messages: this.#messages };
  }

  #addContent(bytes: Buffer, from: number, to: number): void {
    const at = this.#filled;
    this.#filled += to - from;
    // Tokens beyond those of the header make the conversation fail.
    if (this.#filled <= this.#bytes.length) this.#bytes.set(bytes.subarray(from, to), at);
  }
}

/** Adds the numbers of a repeated field, packed or not, to a list. */
function readNumbers(reader: WireReader, list: number[]): void {
  if (reader.type === varint) list.push(reader.varint());
  else if (reader.type === lengthDelimited) {
    const packed = reader.message();
    while (packed.at < packed.end) list.push(packed.varint());
  } else reader.skip();
}

/** Reads a MessageInfo. */
function described(info: WireReader): RoleAndTokens {
  let [role, tokenCount] = ['', 0];
  while (info.next()) {
    const { field, type } = info;
    if (field === 1 && type === lengthDelimited) role = info.text();
    else if (field === 4 && type === varint) tokenCount = info.varint();
    else info.skip();
  }
  return { role, tokenCount };
}

function malformed(what: string): ClientError {
  return new ClientError(status.INTERNAL, `the response is malformed: ${what}`, undefined);
}
