import type { Conversation } from '../model/index.js';
import { method, type Method } from './contract.js';
import { itemError } from './errors.js';
import {
  fromWireChunk,
  fromWireConversation,
  fromWireDamaged,
  fromWireMessageInfo,
  toWireContent,
  toWireFilter,
  toWireRange,
  toWireRevision,
  wireEncodings,
} from './mapping.js';
import { wholeMessages } from './messages.js';
import { fromUint64 } from './numbers.js';
import type { Transport } from './transport.js';
import type * as T from './types.js';
import type { CallControl } from './types.js';
import type * as W from './wire.js';

/** The contract's methods, looked up once a client. */
function methods() {
  const conversation = <R>(name: string): Method<R> => method('ConversationService', name);
  return {
    retrieve: conversation<W.WireRetrieveResponse>('RetrieveConversation'),
    retrieveMany: conversation<W.WireRetrieveManyResponse>('RetrieveConversations'),
    get: conversation<W.WireGetResponse>('GetConversation'),
    list: conversation<W.WireListResponse>('ListConversations'),
    findPrefix: conversation<W.WireFindPrefixResponse>('FindPrefix'),
  };
}

/** What there is to ask of a vault's conversations. Every call is tried again while no server answers. */
export class ConversationReads {
  private readonly readMethods = methods();

  constructor(
    protected readonly transport: Transport,
    protected readonly vault: string,
  ) {}

  /** A header, then the messages, or a range of them, in chunks of at most 1 MiB. */
  async *retrieve<E extends T.Encoding>(
    id: string,
    options: T.RetrieveOptions<E>,
  ): AsyncGenerator<T.ConversationHeader | T.Chunk<E>, void, void> {
    const { encoding, ifRevision, signal, timeoutMs } = options;
    const request = {
      vault: this.vault,
      id,
      ...toWireRange(options),
      encoding: wireEncodings[encoding],
      ...toWireRevision(ifRevision),
    };
    const { retrieve } = this.readMethods;
    for await (const message of this.transport.stream(retrieve, request, { signal, timeoutMs }, true)) {
      const part = fromWirePart(encoding, message);
      if (part !== undefined) yield part;
    }
  }

  /** A header, then whole messages, or what the range has of them. */
  read<E extends T.Encoding>(
    id: string,
    options: T.RetrieveOptions<E>,
  ): AsyncGenerator<T.ConversationHeader | T.Message<E>, void, void> {
    return wholeMessages(options.encoding, this.retrieve(id, options));
  }

  /** Many conversations, in the order asked: of each a header and its chunks, or that it cannot be had. */
  async *retrieveMany<E extends T.Encoding>(
    ids: readonly string[],
    { encoding, ...control }: T.RetrieveManyOptions<E>,
  ): AsyncGenerator<T.PartOfMany<E>, void, void> {
    const request = { vault: this.vault, ids, encoding: wireEncodings[encoding] };
    const { retrieveMany } = this.readMethods;
    for await (const message of this.transport.stream(retrieveMany, request, control, true)) {
      const { index } = message;
      const error = itemError(message.status);
      const part = error ? { kind: 'failed' as const, error } : fromWirePart(encoding, message);
      if (part !== undefined) yield { index, part };
    }
  }

  /** With messages it may take several calls, all about one revision: rejects with REVISION_MISMATCH when it changes meanwhile. */
  async get(
    id: string,
    { includeMessages = false, ...control }: CallControl & { readonly includeMessages?: boolean } = {},
  ): Promise<T.DescribedConversation> {
    const messages: T.MessageWithSegments[] = [];
    let messageOffset = 0;
    let ifRevision: number | undefined;
    for (;;) {
      const request = {
        vault: this.vault,
        id,
        includeMessages,
        messageOffset,
        ...toWireRevision(ifRevision),
      };
      const page = await this.transport.unary(this.readMethods.get, request, control, true);
      const conversation = fromWireConversation(page.conversation);
      for (const message of page.conversation.messages) messages.push(fromWireMessageInfo(message));
      if (page.nextMessageOffset === 0) return { conversation, messages };
      messageOffset = page.nextMessageOffset;
      ifRevision = conversation.revision;
    }
  }

  async listPage(options: T.PageOptions = {}): Promise<T.ConversationPage> {
    const { filter = {}, order = 'newestFirst', pageSize = 0, pageToken = '', ...control } = options;
    const request = {
      vault: this.vault,
      filter: toWireFilter(filter),
      order: order === 'oldestFirst' ? 'LIST_ORDER_OLDEST_FIRST' : 'LIST_ORDER_NEWEST_FIRST',
      pageSize,
      pageToken,
    };
    const page = await this.transport.unary(this.readMethods.list, request, control, true);
    return {
      conversations: page.conversations.map(fromWireConversation),
      nextPageToken: page.nextPageToken,
      damaged: page.damaged.map(fromWireDamaged),
    };
  }

  /** The conversations that share the longest prefix with these tokens, and how many of them; most first. */
  async findPrefix(content: T.PrefixContent, options: T.FindPrefixOptions = {}): Promise<T.PrefixMatch[]> {
    const { tokenizer = '', application, minTokens = 0, limit = 0, ...control } = options;
    const request = {
      vault: this.vault,
      prefix: toWireContent(content, 'prefix'),
      tokenizer,
      ...(application !== undefined && { application }),
      minTokens,
      limit,
    };
    const { findPrefix } = this.readMethods;
    const { matches } = await this.transport.unary(findPrefix, request, control, true);
    return matches.map(({ conversation, sharedTokens }) => ({
      conversation: fromWireConversation(conversation),
      sharedTokens: fromUint64('shared_tokens', sharedTokens),
    }));
  }

  /** Every conversation of every page. One that is damaged ends it with an error, unless somebody wants to hear of it. */
  async *list({ onDamaged, ...options }: T.ListAllOptions = {}): AsyncGenerator<Conversation, void, void> {
    let pageToken = '';
    do {
      const page = await this.listPage({ ...options, pageToken });
      yield* page.conversations;
      for (const damaged of page.damaged) {
        if (!onDamaged) throw damaged.error;
        onDamaged(damaged);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }
}

/** A header or a chunk; undefined for a part that this client does not know. */
function fromWirePart<E extends T.Encoding>(
  encoding: E,
  { part, header, chunk }: W.WireRetrieveResponse,
): T.ConversationHeader | T.Chunk<E> | undefined {
  if (part === 'header') return { kind: 'header', conversation: fromWireConversation(header!) };
  return part === 'chunk' ? fromWireChunk(encoding, chunk!) : undefined;
}
