import { StowkenError } from '../../model/index.js';
import type { ManagedBackend } from '../contract/backend.js';
import type { CheckOptions } from '../contract/checks.js';

/** Commits after which a strict backend checks all of its records. */
const COMMITS_PER_CHECK = 256;

/** True with STOWKEN_STRICT=1: storages look for their own mistakes as they go, which costs speed. */
export function isStrict(): boolean {
  return process.env['STOWKEN_STRICT'] === '1';
}

/**
 * Lets a backend check its records now and then. If they contradict each other, the commit before the check
 * rejects with INVARIANT_BROKEN, although it is done: the mistake is in one of the last commits.
 */
export function checkingItself<Backend extends ManagedBackend>(
  backend: Backend,
  options: CheckOptions = { depth: 'records' },
): Backend {
  const commit = backend.commit.bind(backend);
  let commits = 0;
  backend.commit = async (change) => {
    const result = await commit(change);
    commits += 1;
    if (commits % COMMITS_PER_CHECK > 0) return result;
    const [first] = await backend.check(options);
    if (!first) return result;
    const { invariant, subject, detail } = first;
    throw new StowkenError('INVARIANT_BROKEN', `after ${commits} commits: ${subject}: ${detail}`, {
      invariant,
      subject,
    });
  };
  return backend;
}
