import type { Conversation } from './records.js';

/** A metadata entry by which conversations are chosen. */
export interface LabelValue {
  readonly label: string;
  readonly value: string;
}

/** Lifetime of the conversations with a metadata entry, or of an application: then the label is empty. */
export interface LifetimeRule extends LabelValue {
  /** Milliseconds since the creation; 0: for ever. */
  readonly lifetimeMs: number;
}

/**
 * Lifetimes of conversations that have no expire time of their own. A rule of a label goes before one of an
 * application, and that before the lifetime of all; of several rules of labels, the shortest holds.
 */
export interface Lifetimes {
  /** Milliseconds since the creation; 0: for ever. */
  readonly lifetimeMs: number;
  readonly rules: readonly LifetimeRule[];
  /** Conversations with one of these have no lifetime. */
  readonly keep: readonly LabelValue[];
}

/** Fields of a conversation on which its expire time depends. */
type Aging = Pick<Conversation, 'application' | 'metadata' | 'expireTimeMs' | 'createTimeMs'>;

/** Rules by which conversations expire, and the moment at which that is asked. */
export interface Expiry {
  readonly nowMs: number;
  readonly lifetimes?: Lifetimes | undefined;
}

/** True if a conversation has expired: from then on it can be deleted, and nothing else. */
export function isExpired(conversation: Conversation, { nowMs, lifetimes }: Expiry): boolean {
  return expireTimeOf(conversation, lifetimes) <= nowMs;
}

/** Returns the time at which a conversation expires; infinite: never. */
export function expireTimeOf(conversation: Aging, lifetimes: Lifetimes | undefined): number {
  const { expireTimeMs, createTimeMs } = conversation;
  if (expireTimeMs !== undefined) return expireTimeMs;
  const lifetimeMs = lifetimes && lifetimeOf(conversation, lifetimes);
  return lifetimeMs === undefined || lifetimeMs === 0 ? Infinity : createTimeMs + lifetimeMs;
}

function lifetimeOf(conversation: Aging, { lifetimeMs, rules, keep }: Lifetimes): number {
  if (keep.some((each) => hasLabel(conversation, each))) return 0;
  let found: LifetimeRule | undefined;
  for (const rule of rules) {
    if (!hasLabel(conversation, rule)) continue;
    const isOfLabel = rule.label !== '';
    const foundOfLabel = found !== undefined && found.label !== '';
    if (found && isOfLabel === foundOfLabel ? isShorter(rule, found) : !found || isOfLabel) found = rule;
  }
  return found?.lifetimeMs ?? lifetimeMs;
}

function isShorter(one: LifetimeRule, other: LifetimeRule): boolean {
  return (one.lifetimeMs || Infinity) < (other.lifetimeMs || Infinity);
}

function hasLabel({ application, metadata }: Aging, { label, value }: LabelValue): boolean {
  if (label === '') return application === value;
  return Object.hasOwn(metadata, label) && metadata[label] === value;
}
