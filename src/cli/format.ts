import type { StoreResult } from '../client/index.js';
import { type Conversation, isDated } from '../model/index.js';

const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Formats a count: 1,234,567. */
export function formatCount(value: number): string {
  return counts.format(value);
}

/** Formats a count with a noun: "1 conversation", "2 conversations". */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** Formats bytes with decimal units: 12.3 MB. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** Formats a percentage: 12.3 %; a dash if the whole is 0. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** Formats a rate per second. */
export function formatRate(count: number, milliseconds: number): string {
  return formatCount((count * 1000) / Math.max(milliseconds, 1));
}

export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Returns a conversation with the contract's field names, without its messages. */
export function plainConversation(conversation: Conversation): object {
  return {
    id: conversation.id,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    ...(conversation.parentId !== '' && { parent_id: conversation.parentId }),
    revision: conversation.revision,
    message_count: conversation.messageCount,
    total_tokens: conversation.totalTokens,
    create_time: formatTime(conversation.createTimeMs),
    ...(isDated(conversation) && { store_time: formatTime(conversation.storeTimeMs) }),
    update_time: formatTime(conversation.updateTimeMs),
    ...(conversation.expireTimeMs !== undefined && { expire_time: formatTime(conversation.expireTimeMs) }),
    metadata: conversation.metadata,
  };
}

/** Returns the result of a store, an append or a fork with the contract's field names. */
export function plainStoreResult(result: StoreResult): object {
  return {
    conversation: plainConversation(result.conversation),
    total_segments: result.totalSegments,
    new_segments: result.newSegments,
    deduped_segments: result.dedupedSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
  };
}
