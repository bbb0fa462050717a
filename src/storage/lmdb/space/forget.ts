import { StowkenError, type LabelValue } from '../../../model/index.js';
import type { Forgotten, ForgetQuery } from '../../contract/erasure.js';
import { withoutLabels } from '../../shared/usage.js';
import type { Shared } from '../commit/write-session.js';
import { purgePacks } from '../cold/purge.js';
import { decodeRequest } from '../conversations/requests.js';
import { decodeGroup } from '../lists/usage.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { reboundChunks } from '../tables/rebound.js';

/** Records that one write transaction looks at. */
const SLICE = 512;

/**
 * Removes what records besides the conversations' own say of them: packs that had them, results of requests,
 * values of labels by which usage is counted, bounds in the index of ids. `write` runs one write transaction;
 * others have their turns between two.
 */
export async function forget(
  shared: Shared,
  write: <T>(action: () => T) => Promise<T>,
  { isForgotten, labels, signal }: ForgetQuery,
): Promise<Forgotten> {
  await purgePacks(shared.tables, (code) => shared.names.stringOf(code), write, signal);
  const requests = isForgotten ? await forgetConversations(shared, write, isForgotten, signal) : 0;
  const usageGroups = labels.length === 0 ? 0 : await write(() => forgetGroups(shared, labels));
  shared.usageGroups.clear();
  return { requests, usageGroups };
}

async function forgetConversations(
  { tables, names }: Shared,
  write: <T>(action: () => T) => Promise<T>,
  isForgotten: NonNullable<ForgetQuery['isForgotten']>,
  signal: AbortSignal,
): Promise<number> {
  let requests = 0;
  const throwIfAborted = (): void => {
    if (signal.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
  };

  /** Looks at requests from a key on; returns the last key. */
  const forgetRequests = (start: Buffer | undefined): Buffer | undefined => {
    const index = new KeyIndexWriter(tables.requestIds);
    let seen: Buffer | undefined;
    for (const { key, value } of [...tables.requests.scan({ ...(start && { start }), limit: SLICE })]) {
      seen = key;
      const request =
        value && undefinedIfCorrupt(() => decodeRequest(value, (code) => names.loadedString(code)));
      if (!request) continue;
      const { put, append, fork } = request.result;
      const about = put ?? append ?? fork;
      if (!about || !isForgotten(about.conversation)) continue;
      tables.requests.remove(key);
      index.remove(request.key);
      requests += 1;
    }
    index.flush();
    return seen;
  };
  for (let start: Buffer | undefined; ;) {
    throwIfAborted();
    const from: Buffer | undefined = start;
    const last = await write(() => forgetRequests(from));
    if (last === undefined) break;
    start = Buffer.concat([last, Buffer.alloc(1)]);
  }
  for (let from: Buffer | undefined; ;) {
    throwIfAborted();
    const start: Buffer | undefined = from;
    from = await write(() => reboundChunks(tables.ids, start, SLICE));
    if (from === undefined) break;
  }
  return requests;
}

/** Rewrites groups without these values. Two groups may be the same afterwards: answers add them up. */
function forgetGroups({ tables }: Shared, labels: readonly LabelValue[]): number {
  let rewritten = 0;
  for (const { key, value } of [...tables.usageGroups.range({})]) {
    const group = decodeGroup(value);
    const without = withoutLabels(group, labels);
    if (without === group) continue;
    tables.usageGroups.put(key, Buffer.from(JSON.stringify(without), 'utf8'));
    rewritten += 1;
  }
  return rewritten;
}
