import { method } from './contract.js';
import { fromUint64, fromWireTime, toUint32, toWireTime } from './numbers.js';
import { wireValue, withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { UsageOptions, UsageRow, SharedSegmentOptions, SharedSegment } from './analytics-types.js';

const sharedOrders = {
  tokensSaved: 'SHARED_SEGMENT_ORDER_TOKENS_SAVED',
  references: 'SHARED_SEGMENT_ORDER_REFERENCES',
} as const;

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    usage: method('AnalyticsService', 'GetUsage'),
    shared: method('AnalyticsService', 'ListSharedSegments'),
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
  };
}

export type Analytics = ReturnType<typeof analytics>;
