import { method } from './contract.js';
import { fromUint64, fromWireTime, toUint32, toUint64, toWireTime } from './numbers.js';
import { wireValue, withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type {
  SegmentUsesOptions,
  SegmentUsesPage,
  SharedSegment,
  SharedSegmentOptions,
  UsageOptions,
  UsageRow,
  UsesByDayOptions,
  UsesByDayPart,
  WarmOptions,
  WarmPrefix,
} from './analytics-types.js';

const sharedOrders = {
  tokensSaved: 'SHARED_SEGMENT_ORDER_TOKENS_SAVED',
  references: 'SHARED_SEGMENT_ORDER_REFERENCES',
} as const;

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    usage: method('AnalyticsService', 'GetUsage'),
    shared: method('AnalyticsService', 'ListSharedSegments'),
    uses: method('AnalyticsService', 'ListSegmentUses'),
    usesByDay: method('AnalyticsService', 'CountSegmentUses'),
    warm: method('AnalyticsService', 'ListWarmPrefixes'),
  };
}

/** Usage of a vault, and what its conversations share. Every call is retried while no server answers. */
export function analytics(transport: Transport, vault: string) {
  const known = methods();
  return {
    async usage(options: UsageOptions = {}): Promise<UsageRow[]> {
      const {
        groupBy = [],
        labels = [],
        fromMs,
        beforeMs,
        timeZone,
        ...control
      } = withKnownFields('usage', options);
      const request = {
        vault,
        groupBy,
        labels,
        startTime: toWireTime('from', fromMs),
        endTime: toWireTime('before', beforeMs),
        timeZone,
      };
      const { rows } = await transport.unary(known.usage, request, control, true);
      return rows.map((row) => ({
        day: row.day,
        hour: row.hour,
        application: row.application,
        model: row.model,
        tokenizer: row.tokenizer,
        labels: row.labels,
        conversations: fromUint64('conversations', row.conversations),
        messages: fromUint64('messages', row.messages),
        tokens: fromUint64('tokens', row.tokens),
        systemTokens: fromUint64('system_tokens', row.systemTokens),
        userTokens: fromUint64('user_tokens', row.userTokens),
        assistantTokens: fromUint64('assistant_tokens', row.assistantTokens),
        newTokens: fromUint64('new_tokens', row.newTokens),
        repeatedTokens: fromUint64('repeated_tokens', row.repeatedTokens),
        prefixTokens: fromUint64('prefix_tokens', row.prefixTokens),
        storedBytes: fromUint64('stored_bytes', row.storedBytes),
      }));
    },

    async sharedSegments(options: SharedSegmentOptions = {}): Promise<SharedSegment[]> {
      const { order = 'tokensSaved', limit = 0, ...control } = withKnownFields('sharedSegments', options);
      const request = {
        vault,
        order: wireValue('order', sharedOrders, order),
        pageSize: toUint32('limit', limit),
      };
      const { segments } = await transport.unary(known.shared, request, control, true);
      return segments.map((segment) => ({
        hash: segment.hash,
        tokenCount: segment.tokenCount,
        references: fromUint64('references', segment.references),
        tokensSaved: fromUint64('tokens_saved', segment.tokensSaved),
        role: segment.role,
        conversationId: segment.conversationId,
        text: segment.text,
        firstUseMs: fromWireTime('first_use_time', segment.firstUseTime),
        lastUseMs: fromWireTime('last_use_time', segment.lastUseTime),
      }));
    },

    /** Lists the conversations that have a segment, newest first, a page at a time. */
    async segmentUsesPage(hash: string, options: SegmentUsesOptions = {}): Promise<SegmentUsesPage> {
      const { pageSize = 0, pageToken = '', ...control } = withKnownFields('segmentUses', options);
      const request = { vault, segmentHash: hash, pageSize: toUint32('page_size', pageSize), pageToken };
      const page = await transport.unary(known.uses, request, control, true);
      return {
        uses: page.uses.map((use) => ({
          conversationId: use.conversationId,
          createTimeMs: fromWireTime('create_time', use.createTime) ?? 0,
          messageIndex: use.messageIndex,
          role: use.role,
        })),
        nextPageToken: page.nextPageToken,
        lookedAt: fromUint64('looked_at', page.lookedAt),
        damaged: fromUint64('damaged', page.damaged),
      };
    },

    /** Counts the conversations that have a segment by day. Yields counts while it reads, then the days. */
    async *segmentUsesByDay(
      hash: string,
      options: UsesByDayOptions = {},
    ): AsyncGenerator<UsesByDayPart, void, void> {
      const { timeZone, ...control } = withKnownFields('segmentUsesByDay', options);
      const request = { vault, segmentHash: hash, timeZone };
      for await (const part of transport.stream(known.usesByDay, request, control, true))
        yield {
          lookedAt: fromUint64('looked_at', part.lookedAt),
          damaged: fromUint64('damaged', part.damaged),
          days: part.days.map(({ day, conversations }) => ({
            day,
            conversations: fromUint64('conversations', conversations),
          })),
        };
    },

    /** Yields the prefixes most worth keeping in a cache of keys and values, the best first. */
    async *warmPrefixes(options: WarmOptions = {}): AsyncGenerator<WarmPrefix, void, void> {
      const { application = '', createdFromMs, minTokens = 0, ...rest } = withKnownFields('warm', options);
      const { limit = 0, withoutTokens = false, ...control } = rest;
      const request = {
        vault,
        application,
        createTimeFrom: toWireTime('created_from', createdFromMs),
        minTokens: toUint64('min_tokens', minTokens),
        pageSize: toUint32('limit', limit),
        withoutTokens,
      };
      let prefix: Omit<WarmPrefix, 'tokens'> | undefined;
      let tokens: Uint8Array[] = [];
      for await (const message of transport.stream(known.warm, request, control, true)) {
        if (message.part === 'tokensLe32') tokens.push(message.tokensLe32);
        if (message.part !== 'prefix') continue;
        if (prefix) yield { ...prefix, tokens: idsOf(tokens) };
        tokens = [];
        const found = message.prefix;
        prefix = {
          application: found.application,
          tokenCount: fromUint64('token_count', found.tokenCount),
          conversations: fromUint64('conversations', found.conversations),
          conversationId: found.conversationId,
          lastUseMs: fromWireTime('last_use_time', found.lastUseTime) ?? 0,
        };
      }
      if (prefix) yield { ...prefix, tokens: idsOf(tokens) };
    },
  };
}

/** Returns token ids from their words. */
function idsOf(parts: readonly Uint8Array[]): Uint32Array {
  const bytes = Buffer.concat(parts);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32LE(4 * at));
}

export type Analytics = ReturnType<typeof analytics>;
