import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { UsageFigures } from '../../contract/usage.js';
import type { State } from '../tables/meta.js';
import type { Table } from '../tables/table.js';

/** Key in `meta` of the ledger of usage. */
export const USAGE_KEY = 5;

/** Figures that counters of usage and the state of the vault both have. */
export interface Content {
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
}

/**
 * Account of what makes the sums of all counters differ from what is stored. At any time
 * counted + inherited + uncounted = stored + gone, for each of the three figures.
 */
export interface UsageLedger {
  /** Conversations up to this number were stored before usage was counted. */
  readonly uncountedTo: number;
  /** Content of these, which no counter has. */
  readonly uncounted: Content;
  /** Content that was deleted or replaced. */
  readonly gone: Content;
  /**
   * Content that no counter has, although it was counted: forks share it with their parents, or its counters
   * were dropped.
   */
  readonly inherited: Content;
}

const none: Content = { conversations: 0, messages: 0, tokens: 0 };
export const emptyLedger: UsageLedger = { uncountedTo: 0, uncounted: none, gone: none, inherited: none };

export function add(one: Content, other: Content): Content {
  return {
    conversations: one.conversations + other.conversations,
    messages: one.messages + other.messages,
    tokens: one.tokens + other.tokens,
  };
}

/** Returns the part of one that exceeds the other, figure by figure. */
function above(one: Content, other: Content): Content {
  return {
    conversations: Math.max(0, one.conversations - other.conversations),
    messages: Math.max(0, one.messages - other.messages),
    tokens: Math.max(0, one.tokens - other.tokens),
  };
}

export function countedIn(figures: UsageFigures): Content {
  const { conversations, messages, systemTokens, userTokens, assistantTokens } = figures;
  return { conversations, messages, tokens: systemTokens + userTokens + assistantTokens };
}

/**
 * Returns the ledger of a vault; undefined if its usage was never counted.
 * @throws StowkenError CORRUPT_STORE
 */
export function readLedger(meta: Table<number>): UsageLedger | undefined {
  const record = meta.get(USAGE_KEY);
  return record && decodeLedger(record);
}

export function writeLedger(meta: Table<number>, ledger: UsageLedger): void {
  meta.put(USAGE_KEY, encodeLedger(ledger));
}

export function encodeLedger({ uncountedTo, uncounted, gone, inherited }: UsageLedger): Uint8Array {
  const writer = new ByteWriter(32).varint(uncountedTo);
  for (const { conversations, messages, tokens } of [uncounted, gone, inherited])
    writer.varint(conversations).varint(messages).varint(tokens);
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeLedger(record: Uint8Array): UsageLedger {
  const reader = new ByteReader(record);
  const content = (): Content => ({
    conversations: reader.varint(),
    messages: reader.varint(),
    tokens: reader.varint(),
  });
  const ledger = {
    uncountedTo: reader.varint(),
    uncounted: content(),
    gone: content(),
    inherited: content(),
  };
  if (!reader.atEnd) throw new StowkenError('CORRUPT_STORE', 'the ledger of usage is too long');
  return ledger;
}

/** Returns a sentence for each figure whose sides are not equal. */
export function* imbalances(ledger: UsageLedger, counted: Content, stored: Content): Iterable<string> {
  const all = add(add(counted, ledger.inherited), ledger.uncounted);
  const accounted = add(stored, ledger.gone);
  for (const figure of ['conversations', 'messages', 'tokens'] as const) {
    if (all[figure] === accounted[figure]) continue;
    yield (
      `counters, forks and what was stored before have ${all[figure]} ${figure}; ` +
      `what is stored and what is gone, ${accounted[figure]}`
    );
  }
}

/** Returns the ledger of a vault that was written before there was one; these are its sums. */
export function begunLedger(counted: Content, { conversations, messages, tokens, lastConversation }: State) {
  const stored = { conversations, messages, tokens };
  const uncounted = above(stored, counted);
  return { ...emptyLedger, uncountedTo: lastConversation, uncounted, gone: above(counted, stored) };
}

/** Returns the ledger with the difference of its sides explained, for when nothing else can be known. */
export function balanced(ledger: UsageLedger, counted: Content, stored: Content): UsageLedger {
  const all = add(add(counted, ledger.inherited), ledger.uncounted);
  return {
    ...ledger,
    gone: above(all, stored),
    inherited: add(ledger.inherited, above(stored, all)),
  };
}
