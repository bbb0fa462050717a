import type { StorageBackend, Violation } from '../storage/index.js';
import type { VerifyPart } from './types.js';

/** Progress is told no more often. */
const progressEveryMs = 100;

/** Checks every invariant; progress that is not taken in time is left out. Ends early when the signal aborts. */
export async function* verifyVault(
  backend: StorageBackend,
  signal: AbortSignal,
): AsyncGenerator<VerifyPart, void, void> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stop.abort();

  let latest = { done: 0, total: 0 };
  let wake: () => void = () => undefined;
  let violations: Violation[] | undefined;
  const checking = backend
    .check({
      signal: stop.signal,
      onProgress(done, total) {
        latest = { done, total };
        wake();
      },
    })
    .then((found) => void (violations = found))
    .finally(() => wake());
  try {
    let toldMs = -Infinity;
    while (violations === undefined) {
      await Promise.race([checking, new Promise<void>((resolve) => (wake = resolve))]);
      if (performance.now() - toldMs < progressEveryMs) continue;
      toldMs = performance.now();
      yield { kind: 'progress', ...latest };
    }
    for (const violation of violations) yield { kind: 'violation', ...violation };
    yield { kind: 'summary', records: latest.total, violations: violations.length };
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    await checking.catch(() => undefined);
  }
}
