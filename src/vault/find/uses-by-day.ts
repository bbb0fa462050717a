import { limits, type SegmentHash, segmentNotFound } from '../../model/index.js';
import type { ListPosition, StorageBackend, UseTimes } from '../../storage/index.js';
import { Turns } from '../event-loop.js';
import { clockOf } from './local-time.js';
import { firstUse, keysOf } from './segment-uses.js';

export interface UsesByDayInput {
  readonly hash: SegmentHash;
  /** Name of a time zone; UTC if empty. */
  readonly timeZone: string;
}

/** Conversations looked at so far, and at the end the days. */
export interface UsesByDayPart {
  readonly looked: number;
  readonly damaged: number;
  readonly days: readonly DayOfUses[];
}

/** Conversations that were created on a day, and have the segment. */
export interface DayOfUses {
  readonly day: string;
  readonly conversations: number;
}

/** Zones differ from UTC by whole quarters of an hour. */
const QUARTER_MS = 900_000;
/** Conversations between two reports. */
const REPORT_EVERY = 16_384;
const PAGE = 64;

/**
 * Counts the conversations that have a segment, by the days of their create times. Yields what it has looked
 * at while it reads, then the days, oldest first, as many as one part may have at a time.
 * @throws StowkenError SEGMENT_NOT_FOUND, INVALID_FIELD
 */
export async function* countUsesByDay(
  backend: StorageBackend,
  { hash, timeZone }: UsesByDayInput,
  signal: AbortSignal,
): AsyncGenerator<UsesByDayPart, void, void> {
  const localTime = clockOf(timeZone);
  const [segment] = await backend.findSegments([hash]);
  if (!segment) throw segmentNotFound(hash);
  const quarters = new Map<number, number>();
  let [looked, damaged, reported] = [0, 0, 0];
  const found = backend.useTimes?.({ key: segment.key, signal }) ?? listedTimes(backend, hash, signal);
  for await (const { createTimesMs, ...counts } of found) {
    for (const timeMs of createTimesMs) {
      const quarter = Math.floor(timeMs / QUARTER_MS);
      quarters.set(quarter, (quarters.get(quarter) ?? 0) + 1);
    }
    looked += counts.looked;
    damaged += counts.damaged;
    if (looked < reported + REPORT_EVERY) continue;
    reported = looked;
    yield { looked, damaged, days: [] };
  }
  const byDay = new Map<string, number>();
  for (const [quarter, count] of [...quarters].sort(([a], [b]) => a - b)) {
    const day = localTime(quarter * QUARTER_MS).slice(0, 10);
    byDay.set(day, (byDay.get(day) ?? 0) + count);
  }
  const days = [...byDay].map(([day, conversations]) => ({ day, conversations }));
  for (let at = 0; at === 0 || at < days.length; at += limits.pageSizeMax)
    yield { looked, damaged, days: days.slice(at, at + limits.pageSizeMax) };
}

/** Reads the message lists of all conversations, oldest first. */
async function* listedTimes(
  backend: StorageBackend,
  hash: SegmentHash,
  signal: AbortSignal,
): AsyncGenerator<UseTimes, void, void> {
  const wanted = await keysOf(backend, hash);
  const turns = new Turns(signal);
  const query = {
    filter: {},
    order: 'earliestStoreFirst',
    limit: PAGE,
    scanLimit: limits.pageScanMax,
  } as const;
  let after: ListPosition | undefined;
  do {
    const page = await backend.listConversations({ ...query, signal, ...(after !== undefined && { after }) });
    const createTimesMs: number[] = [];
    let damaged = page.damaged?.length ?? 0;
    for (const { id, createTimeMs } of page.conversations) {
      const use = await firstUse(backend, id, wanted, turns);
      if (use === 'damaged') damaged += 1;
      else if (use) createTimesMs.push(createTimeMs);
    }
    yield { createTimesMs, looked: page.conversations.length, damaged };
    after = page.next;
  } while (after !== undefined);
}
