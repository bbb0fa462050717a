import { limits } from '../../model/index.js';
import type { RepairPhase, RepairReport, StorageBackend } from '../../storage/index.js';
import { unsupported } from '../refusals.js';
import type { VerifyPart } from '../types.js';

export interface VerifyParts {
  readonly backend: StorageBackend;
  readonly clock: () => number;
}

/** Minimum interval between reports, in milliseconds; every phase is reported. */
const progressEveryMs = 100;

/**
 * Checks every invariant. If asked to, repairs first what can be repaired. Progress that is not taken in time
 * is dropped. Ends early when the signal aborts.
 * @throws StowkenError UNSUPPORTED_BY_STORAGE, WRITES_STOPPED, COMMIT_FAILED for a repair
 */
export async function* verifyVault(
  { backend, clock }: VerifyParts,
  { repair }: { readonly repair: boolean },
  signal: AbortSignal,
): AsyncGenerator<VerifyPart, void, void> {
  const look = repair ? repairing(backend) : checking(backend);
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stop.abort();

  let phase: RepairPhase = 'checking';
  let latest = { done: 0, total: 0 };
  let wake: () => void = () => undefined;
  let report: RepairReport | undefined;
  const looking = look({
    signal: stop.signal,
    onPhase(next) {
      [phase, latest] = [next, { done: 0, total: latest.total }];
      wake();
      // The receiver learns of a phase before that phase holds everything up.
      return new Promise((resolve) => setImmediate(resolve));
    },
    onProgress(done, total) {
      latest = { done, total };
      wake();
    },
  })
    .then((found) => void (report = found))
    .finally(() => wake());
  try {
    let [reportedMs, reportedPhase] = [-Infinity, phase];
    while (report === undefined) {
      // A phase that began while the last part was being taken has woken nobody.
      if (phase === reportedPhase)
        await Promise.race([looking, new Promise<void>((resolve) => (wake = resolve))]);
      if (phase === reportedPhase && performance.now() - reportedMs < progressEveryMs) continue;
      [reportedMs, reportedPhase] = [performance.now(), phase];
      yield { kind: 'progress', phase, ...latest };
    }
    const { repaired, remaining } = report;
    for (const violation of repaired) yield { kind: 'repaired', ...violation };
    for (const violation of remaining) yield { kind: 'violation', ...violation };
    const behind = await clockBehind(backend, clock());
    if (behind !== undefined) {
      yield { kind: 'note', subject: `conversation ${behind.conversationId}`, detail: behind.detail };
    }
    const counts = { repaired: repaired.length, violations: remaining.length };
    yield { kind: 'summary', records: latest.total, ...counts };
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    await looking.catch(() => undefined);
  }
}

type Look = NonNullable<StorageBackend['repair']>;

function repairing(backend: StorageBackend): Look {
  if (!backend.repair) throw unsupported('repair', backend);
  return (options) => backend.repair!(options);
}

function checking(backend: StorageBackend): Look {
  return async (options) => ({ repaired: [], remaining: await backend.check(options) });
}

/** A clock that is behind the times stored in a vault. */
export interface ClockBehind {
  readonly conversationId: string;
  readonly behindMs: number;
  readonly detail: string;
}

/**
 * Compares the clock with the newest conversation. Create times never decrease, or lists by time would miss
 * conversations. So after a clock that ran ahead, new conversations get the time of the last one until the
 * clock has caught up. Undefined if the clock is behind by no more than a bound.
 */
export async function clockBehind(backend: StorageBackend, nowMs: number): Promise<ClockBehind | undefined> {
  const page = await backend.listConversations({ filter: {}, order: 'newestFirst', limit: 1, scanLimit: 1 });
  const [newest] = page.conversations;
  const behindMs = newest === undefined ? 0 : newest.createTimeMs - nowMs;
  if (newest === undefined || behindMs <= limits.clockBehindMsMax) return undefined;
  const until = new Date(newest.createTimeMs).toISOString();
  return {
    conversationId: newest.id,
    behindMs,
    detail:
      `was created at ${until} by its time, which is to come: a clock ran ahead, or the server's is behind; until then ` +
      'new conversations get that time too, in the right order',
  };
}
