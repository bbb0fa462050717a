import { toJson } from '../model/index.js';
import type { RecordedEvent } from './event.js';

/** Returns an event as a line of JSON. Characters that act on a terminal are escaped. */
export function toLine(event: RecordedEvent): string {
  const { number, timeMs, identity, peer, method, vault, ids, idCount, result, repeated } = event;
  const line = toJson({
    number,
    time: new Date(timeMs).toISOString(),
    ...(identity !== undefined && { identity }),
    peer,
    method,
    ...(vault !== undefined && { vault }),
    ...(idCount > 0 && { ids, id_count: idCount }),
    result,
    ...(repeated > 0 && { repeated }),
  });
  return `${line}\n`;
}

/** Returns the event of a line; undefined for a line that has none, or a part of one. */
export function fromLine(line: string): RecordedEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { number, time, identity, peer, method, vault, ids, id_count, result, repeated } = (value ??
    {}) as Record<string, unknown>;
  const timeMs = Date.parse(String(time));
  if (!Number.isSafeInteger(number) || Number.isNaN(timeMs)) return undefined;
  return {
    number: number as number,
    timeMs,
    identity: textOf(identity),
    peer: textOf(peer) ?? '',
    method: textOf(method) ?? '',
    vault: textOf(vault),
    ids: Array.isArray(ids) ? ids.map(String) : [],
    idCount: countOf(id_count),
    result: textOf(result) ?? '',
    repeated: countOf(repeated),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
