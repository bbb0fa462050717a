/** Fields of a conversation that a condition can name. */
export type ConditionField = 'application' | 'model' | 'tokenizer' | 'parentId' | 'metadata';

/** Condition on one field: its value is one of these, or none of them. */
export interface ValueCondition {
  readonly field: ConditionField;
  /** Key of a metadata entry; empty for other fields. */
  readonly key: string;
  readonly values: readonly string[];
  /** True: the value is none of these; a conversation without the entry passes. */
  readonly negated: boolean;
}

export interface ConversationFilter {
  /** Conditions that must all hold. */
  readonly conditions?: readonly ValueCondition[];
  /** Inclusive from, exclusive before. */
  readonly updateTimeFromMs?: number;
  readonly updateTimeBeforeMs?: number;
  /** Inclusive from, exclusive before; a conversation that never expires is in neither range. */
  readonly expireTimeFromMs?: number;
  readonly expireTimeBeforeMs?: number;
  /** True: only those that expire at some time; false: only the others. */
  readonly expires?: boolean;
  readonly application?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly idPrefix?: string;
  /** Inclusive. */
  readonly createTimeFromMs?: number;
  /** Exclusive. */
  readonly createTimeBeforeMs?: number;
  readonly tokensMin?: number;
  readonly tokensMax?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}
