import type { RepairPhase, RepairReport, StorageBackend } from '../storage/index.js';
import { clockBehind } from './clock.js';
import type { VerifyPart } from './types.js';
import { unsupported } from './unsupported.js';

export interface VerifyParts {
  readonly backend: StorageBackend;
  readonly clock: () => number;
}

/** Progress is told no more often, but at every phase. */
const progressEveryMs = 100;

/**
 * Checks every invariant, and repairs first what can be repaired if it is asked to. Progress that is not taken
 * in time is left out. Ends early when the signal aborts.
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
      // Whoever listens hears of a phase that holds everything up before it does.
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
    let [toldMs, toldPhase] = [-Infinity, phase];
    while (report === undefined) {
      // A phase that began while the last part was being taken has woken nobody.
      if (phase === toldPhase)
        await Promise.race([looking, new Promise<void>((resolve) => (wake = resolve))]);
      if (phase === toldPhase && performance.now() - toldMs < progressEveryMs) continue;
      [toldMs, toldPhase] = [performance.now(), phase];
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
