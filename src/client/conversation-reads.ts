import type { Conversation } from '../model/index.js';
import { method } from './contract.js';
import { itemError } from './errors.js';
import type * as W from './generated/responses.js';
import {
  contentOf,
  fromWireChunk,
  fromWireConversation,
  fromWireDamaged,
  fromWireMessageInfo,
  toWireContent,
  toWireFilter,
  toWireMessage,
  toWireRange,
  toWireRevision,
  wireEncodings,
  wireOrders,
} from './mapping.js';
import type { NewMessage } from './content-types.js';
import { type ExactChunk, exactMessages, fromLe32, joinTokens, wholeMessages } from './messages.js';
import { fromUint64, toUint32, toUint64, toWireTime } from './numbers.js';
import { wireValue, withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type {
  AttachmentOptions,
  Chunk,
  ConversationHeader,
  ConversationPage,
  DescribedConversation,
  Encoding,
  FindPrefixOptions,
  ListAllOptions,
  Message,
  MessageWithSegments,
  PageOptions,
  PartOfMany,
  PrefixContent,
  PrefixMatch,
  ReadManyOptions,
  RenderedMessage,
  RenderedMessages,
  RenderMessagesOptions,
  RetrieveManyOptions,
  RetrieveOptions,
  SearchOptions,
  SearchPart,
  WholeOfMany,
} from './read-types.js';
import type { CallControl } from './connection-types.js';
import { WholeConversations } from './whole-conversations.js';

type ExactOptions = Omit<RetrieveOptions<'text'>, 'encoding' | 'render' | 'includeTokens'>;

/** Tokens of a conversation that readMany() holds in memory, unless another limit is given. */
const wholeTokensMax = 64 * 2 ** 20;

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    retrieve: method('ConversationService', 'RetrieveConversation'),
    attachment: method('ConversationService', 'GetAttachment'),
    renderMessages: method('ConversationService', 'RenderMessages'),
    retrieveMany: method('ConversationService', 'RetrieveConversations'),
    get: method('ConversationService', 'GetConversation'),
    list: method('ConversationService', 'ListConversations'),
    findPrefix: method('ConversationService', 'FindPrefix'),
    search: method('ConversationService', 'SearchConversations'),
  };
}

/** Queries of a vault's conversations. Every call is retried while no server answers. */
export function conversationReads(transport: Transport, vault: string) {
  const known = methods();

  async function* exactParts(
    id: string,
    given: ExactOptions,
  ): AsyncGenerator<ConversationHeader | ExactChunk, void, void> {
    const { ifRevision, signal, timeoutMs, ...options } = withKnownFields('readExact', given);
    const request = {
      vault,
      id,
      ...toWireRange(options),
      encoding: wireEncodings.text,
      exactText: true,
      ifRevision: toWireRevision(ifRevision),
      includeFields: options.includeFields,
    };
    for await (const message of transport.stream(known.retrieve, request, { signal, timeoutMs }, true)) {
      const part = fromWirePart('text', message);
      if (part?.kind === 'chunk' && message.part === 'chunk')
        yield { ...part, content: part.content ?? contentOf.tokens(message.chunk) };
      else if (part?.kind === 'header') yield part;
    }
  }

  const reads = {
    /** Yields a header, then the messages, or a range of them, in chunks of at most 1 MiB. */
    async *retrieve<E extends Encoding>(
      id: string,
      options: RetrieveOptions<E>,
    ): AsyncGenerator<ConversationHeader | Chunk<E>, void, void> {
      withKnownFields('retrieve', options);
      const { encoding, ifRevision, render, signal, timeoutMs } = options;
      const request = {
        render: render && withKnownFields('render', render, 'render'),
        vault,
        id,
        ...toWireRange(options),
        encoding: wireValue('encoding', wireEncodings, encoding),
        ifRevision: toWireRevision(ifRevision),
        includeFields: options.includeFields,
        includeTokens: options.includeTokens,
      };
      const { retrieve } = known;
      for await (const message of transport.stream(retrieve, request, { signal, timeoutMs }, true)) {
        const part = fromWirePart(encoding, message);
        if (part !== undefined) yield part;
      }
    },

    /** Yields a header, then whole messages, or the parts of them in the range. */
    read<E extends Encoding>(
      id: string,
      options: RetrieveOptions<E>,
    ): AsyncGenerator<ConversationHeader | Message<E>, void, void> {
      return wholeMessages(options.encoding, reads.retrieve(id, options));
    },

    /**
     * Yields a header, then whole messages: text where it encodes to the stored tokens, else the tokens. What
     * is yielded can be stored again as it was.
     */
    readExact(
      id: string,
      options: ExactOptions = {},
    ): AsyncGenerator<ConversationHeader | Message<'text'> | Message<'tokens'>, void, void> {
      return exactMessages(exactParts(id, options), (index, ifRevision) =>
        reads.read(id, { ...options, encoding: 'tokens', messageOffset: index, messageLimit: 1, ifRevision }),
      );
    },

    /** Yields the bytes of an attachment, in pieces. Rejects with RANGE_PAST_END if there is none. */
    async *attachment(id: string, options: AttachmentOptions): AsyncGenerator<Uint8Array, void, void> {
      const { message, attachment, ifRevision, ...control } = withKnownFields('attachment', options);
      const request = {
        vault,
        id,
        messageIndex: toUint32('message', message),
        attachmentIndex: toUint32('attachment', attachment),
        ifRevision: toWireRevision(ifRevision),
      };
      for await (const part of transport.stream(known.attachment, request, control, true)) {
        if (part.part === 'content') yield part.content;
      }
    },

    /**
     * Renders messages with a chat template as their model saw them. To store them so, store the tokens that
     * it returns. Tools are `tools` of the fields of the first message.
     */
    async renderMessages(
      messages: readonly NewMessage[],
      options: RenderMessagesOptions = {},
    ): Promise<RenderedMessages> {
      const { tokenizer, model, createTimeMs, ...rest } = withKnownFields('renderMessages', options);
      const { chatTemplate, addGenerationPrompt, ...control } = rest;
      const request = {
        vault,
        tokenizer,
        model,
        messages: messages.map(toWireMessage),
        render: { chatTemplate, addGenerationPrompt },
        createTime: toWireTime('create time', createTimeMs),
      };
      const rendered: RenderedMessage[] = [];
      let open: RenderedMessage[] = [];
      let encodedWith = '';
      for await (const message of transport.stream(known.renderMessages, request, control, true)) {
        if (message.part === 'header') encodedWith = message.header.tokenizer;
        if (message.part !== 'chunk') continue;
        const { textTokensLe32, replaced, endOfMessage } = message.chunk;
        const text = contentOf.text(message.chunk) ?? '';
        open.push({ text, tokens: fromLe32(textTokensLe32), replaced });
        if (!endOfMessage) continue;
        rendered.push({
          text: open.map((each) => each.text).join(''),
          tokens: joinTokens(open.map(({ tokens }) => tokens)),
          replaced: open.some((each) => each.replaced),
        });
        open = [];
      }
      return { tokenizer: encodedWith, messages: rendered };
    },

    /** Yields many conversations, in the order asked: for each a header and its chunks, or its failure. */
    async *retrieveMany<E extends Encoding>(
      ids: readonly string[],
      options: RetrieveManyOptions<E>,
    ): AsyncGenerator<PartOfMany<E>, void, void> {
      withKnownFields('retrieveMany', options);
      const { encoding, ...control } = options;
      const request = { vault, ids, encoding: wireValue('encoding', wireEncodings, encoding) };
      const { retrieveMany } = known;
      for await (const { parts } of transport.stream(retrieveMany, request, control, true)) {
        for (const wirePart of parts) {
          const error = itemError(wirePart.status);
          const part = error ? { kind: 'failed' as const, error } : fromWirePart(encoding, wirePart);
          if (part !== undefined) yield { index: wirePart.index, part };
        }
      }
    },

    /**
     * Yields many conversations as token ids, in the order asked, each as a whole when its last part came:
     * faster than retrieveMany() where they are short.
     */
    async *readMany(
      ids: readonly string[],
      options: ReadManyOptions = {},
    ): AsyncGenerator<WholeOfMany, void, void> {
      const { tokensMax = wholeTokensMax, ...control } = withKnownFields('readMany', options);
      const request = { vault, ids, encoding: wireEncodings.tokens, joined: true };
      const retrieveMany = { ...known.retrieveMany, deserialize: (bytes: Buffer) => bytes };
      const whole = new WholeConversations(tokensMax);
      for await (const response of transport.stream(retrieveMany, request, control, true)) {
        yield* whole.take(response);
      }
      yield* whole.finish();
    },

    /**
     * Returns a conversation. With messages it may take several calls, all at one revision: rejects with
     * REVISION_MISMATCH if it changes meanwhile.
     */
    async get(
      id: string,
      options: CallControl & { readonly includeMessages?: boolean } = {},
    ): Promise<DescribedConversation> {
      const { includeMessages = false, ...control } = withKnownFields('get', options);
      const messages: MessageWithSegments[] = [];
      let messageOffset = 0;
      let ifRevision: number | undefined;
      for (;;) {
        const request = {
          vault,
          id,
          includeMessages,
          messageOffset,
          ifRevision: toWireRevision(ifRevision),
        };
        const page = await transport.unary(known.get, request, control, true);
        const conversation = fromWireConversation(page.conversation);
        for (const message of page.conversation?.messages ?? []) messages.push(fromWireMessageInfo(message));
        if (page.nextMessageOffset === 0) return { conversation, messages };
        messageOffset = page.nextMessageOffset;
        ifRevision = conversation.revision;
      }
    },

    async listPage(options: PageOptions = {}): Promise<ConversationPage> {
      const {
        filter = {},
        order = 'newestFirst',
        pageSize = 0,
        ...rest
      } = withKnownFields('listPage', options);
      const { pageToken = '', count, ...control } = rest;
      const request = {
        vault,
        filter: toWireFilter(filter),
        order: wireValue('order', wireOrders, order),
        pageSize: toUint32('page size', pageSize),
        pageToken,
        count,
      };
      const page = await transport.unary(known.list, request, control, true);
      return {
        conversations: page.conversations.map(fromWireConversation),
        nextPageToken: page.nextPageToken,
        damaged: page.damaged.map(fromWireDamaged),
        ...(count && {
          total: {
            count: fromUint64('total_count', page.totalCount),
            isLowerBound: page.totalIsLowerBound,
          },
        }),
      };
    },

    /**
     * Finds a text in messages, newest conversation first. Yields hits as they are found, many or none at a
     * time, with a token to go on with.
     */
    async *search(text: string, options: SearchOptions = {}): AsyncGenerator<SearchPart, void, void> {
      const { filter = {}, ignoreCase, wholeWords, ...rest } = withKnownFields('search', options);
      const { limit = 0, pageToken = '', ...control } = rest;
      const request = {
        vault,
        filter: toWireFilter(filter),
        text,
        ignoreCase: ignoreCase === true,
        wholeWords: wholeWords === true,
        limit: toUint32('limit', limit),
        pageToken,
      };
      const { search } = known;
      for await (const part of transport.stream(search, request, control, true)) {
        yield {
          hits: part.hits.map((hit) => ({
            conversationId: hit.conversationId,
            revision: fromUint64('revision', hit.revision),
            messageIndex: hit.messageIndex,
            textOffset: fromUint64('text_offset', hit.textOffset),
            snippet: hit.snippet,
            snippetOffset: hit.snippetOffset,
            snippetEndsMessage: hit.snippetEndsMessage,
            role: hit.role,
          })),
          nextPageToken: part.nextPageToken,
          conversations: fromUint64('conversations', part.conversations),
          unsearched: fromUint64('unsearched', part.unsearched),
        };
      }
    },

    /**
     * Finds the conversations that share the longest prefix with these tokens, and the length that they
     * share; longest first.
     */
    async findPrefix(content: PrefixContent, options: FindPrefixOptions = {}): Promise<PrefixMatch[]> {
      const { tokenizer = '', application, minTokens = 0, ...rest } = withKnownFields('findPrefix', options);
      const { limit = 0, ...control } = rest;
      const request = {
        vault,
        prefix: toWireContent(withKnownFields('content', content, 'prefix'), 'prefix'),
        tokenizer,
        application,
        minTokens: toUint64('tokens at least', minTokens),
        limit: toUint32('limit', limit),
      };
      const { findPrefix } = known;
      const { matches } = await transport.unary(findPrefix, request, control, true);
      return matches.map(({ conversation, sharedTokens }) => ({
        conversation: fromWireConversation(conversation),
        sharedTokens: fromUint64('shared_tokens', sharedTokens),
      }));
    },

    /**
     * Yields every conversation of every page. A damaged one ends it with an error, unless `onDamaged` is
     * given.
     */
    async *list(given: ListAllOptions = {}): AsyncGenerator<Conversation, void, void> {
      const { onDamaged, ...options } = withKnownFields('list', given);
      let pageToken = '';
      do {
        const page = await reads.listPage({ ...options, pageToken });
        yield* page.conversations;
        for (const damaged of page.damaged) {
          if (!onDamaged) throw damaged.error;
          onDamaged(damaged);
        }
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
    },
  };
  return reads;
}

export type ConversationReads = ReturnType<typeof conversationReads>;

/** Returns a header or a chunk; undefined for a kind of part that was not asked for, or is not known. */
function fromWirePart<E extends Encoding>(
  encoding: E,
  message: W.RetrieveConversationResponse | W.RetrievedPart,
): ConversationHeader | Chunk<E> | undefined {
  switch (message.part) {
    case undefined:
    case 'joined':
      return undefined;
    case 'header':
      return { kind: 'header', conversation: fromWireConversation(message.header) };
    case 'chunk':
      return fromWireChunk(encoding, message.chunk);
  }
}
