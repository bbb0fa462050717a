/** Figures of usage, in the order in which they are stored. */
export const usageFigures = [
  'conversations',
  'messages',
  'systemTokens',
  'userTokens',
  'assistantTokens',
  'newTokens',
  'prefixTokens',
  'storedBytes',
] as const;

/**
 * Usage of a group in a period. Tokens of roles system, developer and tools are system tokens, those of
 * assistant and model assistant tokens, all others user tokens. New tokens are of segments that were not
 * stored before; prefix tokens, of whole blocks with which an earlier conversation begins too.
 */
export type UsageFigures = Readonly<Record<(typeof usageFigures)[number], number>>;

export interface UsageRow {
  /** Begin of the period, a quarter of an hour. */
  readonly timeMs: number;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly figures: UsageFigures;
}

export interface UsageQuery {
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly beforeMs: number;
  readonly onRow: (row: UsageRow) => void;
  readonly signal?: AbortSignal;
}
