import type { CallControl } from './connection-types.js';

export interface UsageOptions extends CallControl {
  readonly groupBy?: readonly ('day' | 'hour' | 'application' | 'model' | 'tokenizer')[];
  readonly labels?: readonly string[];
  /** Inclusive, in milliseconds since 1970. */
  readonly fromMs?: number;
  /** Exclusive, in milliseconds since 1970. */
  readonly beforeMs?: number;
  /** Time zone of days and hours; UTC if absent. */
  readonly timeZone?: string;
}

/** Usage of a group. Fields that it was not grouped by are empty. */
export interface UsageRow {
  readonly day: string;
  readonly hour: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly systemTokens: number;
  readonly userTokens: number;
  readonly assistantTokens: number;
  readonly newTokens: number;
  readonly repeatedTokens: number;
  readonly prefixTokens: number;
  readonly storedBytes: number;
}

export interface SharedSegmentOptions extends CallControl {
  readonly order?: 'tokensSaved' | 'references';
  readonly limit?: number;
}

export interface SharedSegment {
  readonly hash: string;
  readonly tokenCount: number;
  readonly references: number;
  readonly tokensSaved: number;
  readonly role: string;
  readonly conversationId: string;
  readonly text: string;
  readonly firstUseMs: number | undefined;
  readonly lastUseMs: number | undefined;
}

export interface SegmentUsesOptions extends CallControl {
  readonly pageSize?: number;
  readonly pageToken?: string;
}

/** Use of a segment by a conversation: in the first message that has it. */
export interface SegmentUse {
  readonly conversationId: string;
  readonly createTimeMs: number;
  readonly messageIndex: number;
  readonly role: string;
}

export interface SegmentUsesPage {
  readonly uses: readonly SegmentUse[];
  /** Empty at the end. */
  readonly nextPageToken: string;
  readonly lookedAt: number;
  /** Conversations that cannot be read, and may have it. */
  readonly damaged: number;
}

export interface UsesByDayOptions extends CallControl {
  /** Time zone of days; UTC if absent. */
  readonly timeZone?: string;
}

export interface UsesByDayPart {
  /** Conversations looked at so far, and those of them that cannot be read and may have the segment. */
  readonly lookedAt: number;
  readonly damaged: number;
  /** The next days, oldest first; empty until all are counted. */
  readonly days: readonly { readonly day: string; readonly conversations: number }[];
}

export interface WarmOptions extends CallControl {
  /** Each application if absent. */
  readonly application?: string;
  /** Counts only conversations created at this time or later, in milliseconds since 1970. */
  readonly createdFromMs?: number;
  readonly minTokens?: number;
  readonly limit?: number;
  readonly withoutTokens?: boolean;
}

/** A prefix that several conversations begin with. */
export interface WarmPrefix {
  readonly application: string;
  readonly tokenCount: number;
  readonly conversations: number;
  /** The newest of them. */
  readonly conversationId: string;
  readonly lastUseMs: number;
  /** Token ids; empty without them. */
  readonly tokens: Uint32Array;
}
