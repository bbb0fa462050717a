import { BackgroundTurns } from '../../shared/background.js';
import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { leafBytes } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { makePacks, type NewPacks } from './make-packs.js';
import { type PackingGroup, type PackingRules, planStep } from './packing-plan.js';

/** Runs one write transaction. */
export type Write = <T>(action: () => T) => Promise<T>;

/** Attempts to pack conversations that others change meanwhile. */
const ATTEMPTS = 3;
/** Part of the bytes of records that packing them saves, about. */
const SAVED = 0.75;
/** Records that are looked at before others have a turn. */
const SLICE = 256;

/**
 * Packs the conversations that have not changed lately, and makes packs again of which much is gone. Packs
 * are made between transactions; each transaction puts those of some hundred conversations in the place of
 * their records, if these are still the same. What the conversations are does not change.
 */
export async function packCold(
  tables: Tables,
  nameOf: StringOf,
  write: Write,
  rules: PackingRules,
  signal: AbortSignal,
): Promise<void> {
  const turns = new BackgroundTurns(signal);
  for (let after: number | undefined = 0; after !== undefined;) {
    const from: number = after;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { group, last } = planStep(tables, nameOf, from, rules);
      after = last;
      if (!group) break;
      await turns.pause();
      const whole = group.replaced.length > 0;
      const made = await makePacks(group.records, { whole });
      if (!whole) after = lastNumberOf(made) ?? last;
      if (await write(() => replaceRecords(tables, group, made))) break;
    }
    await turns.pause();
  }
}

/** Returns the bytes that packCold() would free, about. */
export async function packableBytes(
  { conversations }: Tables,
  nameOf: StringOf,
  { coldBeforeMs, fewest }: PackingRules,
  signal: AbortSignal,
): Promise<number> {
  const turns = new BackgroundTurns(signal);
  let [bytes, records, last] = [0, 0, 0];
  for (let isMore = true; isMore;) {
    isMore = false;
    for (const { key, value } of conversations.hot.scan({ start: last + 1, limit: SLICE })) {
      isMore = true;
      last = key;
      const header = value && undefinedIfCorrupt(() => readHeader(value, nameOf));
      if (!header || header.conversation.updateTimeMs > coldBeforeMs) continue;
      bytes += leafBytes(key, value);
      records += 1;
    }
    await turns.pause();
  }
  return records < fewest ? 0 : Math.floor(SAVED * bytes);
}

/**
 * Puts packs in the place of the records that they were made of. Does nothing and returns false if any of
 * those has changed since. Runs in a write transaction.
 */
function replaceRecords(tables: Tables, group: PackingGroup, { packs, refused }: NewPacks): boolean {
  const { conversations } = tables;
  const { packed, hot } = conversations;
  if (!isUnchanged(tables, group)) return false;
  const back = new Set(refused.map(({ number }) => number));
  for (const { key } of group.replaced) packed.drop(key);
  for (const { number, record } of group.records)
    if (back.has(number) && !hot.has(number)) hot.put(number, record);
  for (const { key, pack, numbers } of packs)
    packed.put(key, pack, { packed: numbers.length, numbers, distances: new Map() });
  for (const { numbers } of packs) for (const number of numbers) conversations.leaveHot(number);
  return true;
}

function lastNumberOf({ packs }: NewPacks): number | undefined {
  return packs.at(-1)?.numbers.at(-1);
}

function isUnchanged({ conversations }: Tables, { records, replaced }: PackingGroup): boolean {
  const { packed } = conversations;
  const [first, last] = [records[0]!.number, records.at(-1)!.number];
  const keys: number[] = [];
  for (const { key, head } of packed.heldFrom(first)) {
    if (key > last) break;
    // The pack before the first one ends before it, unless it has become another one.
    if (!head || head.numbers.at(-1)! >= first) keys.push(key);
  }
  if (keys.length !== replaced.length || keys.some((key, at) => key !== replaced[at]!.key)) return false;
  const counts = keys.reduce((sum, key) => sum + (packed.headOf(key)?.numbers.length ?? 0), 0);
  if (counts !== replaced.reduce((sum, { head }) => sum + head.numbers.length, 0)) return false;
  return records.every(({ number, record }) => {
    const now = conversations.get(number);
    return now !== undefined && Buffer.compare(now, record) === 0;
  });
}
