import { type Conversation, type LabelValue, present } from '../../model/index.js';
import type { ManifestOutcome } from '../contract/change.js';
import { type MessageSequence } from '../contract/packed-messages.js';
import { type UsageFigures, usageFigures } from '../contract/usage.js';
import { tokensOf } from './records.js';

/** Time that the figures of one row share: every zone's days and hours begin at a multiple of it. */
export const USAGE_PERIOD_MS = 15 * 60_000;

/** Groups above which labels are not counted apart any more. */
export const USAGE_GROUPS_MAX = 65_536;

/** Conversations that are counted together: application, model, tokenizer, labels. */
export type UsageGroup = readonly [string, string, string, Readonly<Record<string, string>>];

const others = '(others)';

/** Returns a group without these metadata entries; the same object if it has none of them. */
export function withoutLabels(group: UsageGroup, labels: readonly LabelValue[]): UsageGroup {
  const [application, model, tokenizer, own] = group;
  const kept = Object.entries(own).filter(
    ([key, value]) => !labels.some((each) => each.label === key && each.value === value),
  );
  if (kept.length === Object.keys(own).length) return group;
  return [application, model, tokenizer, Object.fromEntries(kept)];
}

/**
 * Returns what `take` makes of a conversation's group. It gets a group, and the number of groups above which
 * no such group is added; it returns undefined if there would be more. A vault has a bounded number of
 * groups, because all are kept in memory: beyond it, conversations are counted without labels, then as
 * others.
 */
export function groupedBy<T>(
  conversation: Conversation,
  labels: readonly string[],
  take: (group: UsageGroup, groupsMax: number) => T | undefined,
  groupsMax = USAGE_GROUPS_MAX,
): T {
  const { application, model, tokenizer } = conversation;
  const found =
    take([application, model, tokenizer, labelledBy(conversation, labels)], groupsMax) ??
    take([application, model, tokenizer, {}], 2 * groupsMax) ??
    take([others, others, others, {}], Infinity);
  return present(found, 'others always have a group');
}

export const noUsage: UsageFigures = Object.fromEntries(
  usageFigures.map((figure) => [figure, 0]),
) as unknown as UsageFigures;

export function addUsage(one: UsageFigures, other: UsageFigures): UsageFigures {
  return Object.fromEntries(
    usageFigures.map((figure) => [figure, one[figure] + other[figure]]),
  ) as unknown as UsageFigures;
}

type TokensOfRole = 'systemTokens' | 'userTokens' | 'assistantTokens';

/** Returns the figure that counts the tokens of a role. */
export function usageFigureOfRole(role: string): TokensOfRole {
  return Object.hasOwn(groupOfRole, role) ? groupOfRole[role]! : 'userTokens';
}

const groupOfRole: Readonly<Record<string, TokensOfRole>> = {
  system: 'systemTokens',
  developer: 'systemTokens',
  tools: 'systemTokens',
  assistant: 'assistantTokens',
  model: 'assistantTokens',
};

/** Figures to count for a conversation. */
export interface UsageEvent {
  /** Time at which they are counted. */
  readonly timeMs: number;
  readonly conversation: Conversation;
  readonly figures: UsageFigures;
}

/**
 * Returns what a store, an append or a fork adds. Messages that a fork shares with its parent were counted
 * when they were stored. `isDated`: the client gave the create time, and that is when it took place. `isNew`:
 * it was not stored before; by default if this is its first revision.
 */
export function usageOf(
  { conversation, newTokens, newFrameBytes }: ManifestOutcome,
  messages: MessageSequence | readonly MessageOf[] | undefined,
  prefixTokens: number,
  isDated: boolean,
  isNew = conversation.revision === 1,
): UsageEvent {
  const figures = { ...noUsage, conversations: isNew ? 1 : 0 };
  for (const message of messages ?? []) {
    figures.messages += 1;
    figures[usageFigureOfRole(message.role)] += tokensOf(message);
  }
  const tokens = figures.systemTokens + figures.userTokens + figures.assistantTokens;
  figures.newTokens = Math.min(newTokens, tokens);
  // An appended block may begin in a message before.
  figures.prefixTokens = Math.min(prefixTokens, tokens);
  figures.storedBytes = newFrameBytes;
  const timeMs = isDated ? conversation.createTimeMs : conversation.updateTimeMs;
  return { timeMs, conversation, figures };
}

type MessageOf = MessageSequence extends Iterable<infer Message> ? Message : never;

/** Returns the period in which something is counted. */
export function periodOf({ timeMs }: Pick<UsageEvent, 'timeMs'>): number {
  return Math.floor(timeMs / USAGE_PERIOD_MS);
}

/** Returns the labels that a conversation has, as usage is grouped by them. */
function labelledBy({ metadata }: Conversation, labels: readonly string[]): Record<string, string> {
  const entries = labels.flatMap((key) => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
