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
