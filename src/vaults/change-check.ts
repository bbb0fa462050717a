import { readOnly } from '../model/index.js';
import type { Change, StorageBackend } from '../storage/index.js';

/** A reason of the server, not of the store, to refuse changes. */
export interface ChangeCheck {
  /** @throws StowkenError if the change is refused */
  check(change: Change): Promise<void>;
  /** Called when a change that passed has ended, committed or not. */
  ended?(change: Change): void;
}

/** Refuses every change, for a server that only reads. */
export const refuseChanges: ChangeCheck = {
  check: () => Promise.reject(readOnly()),
};

/** True if a change takes space for something new. Deletions, and the changes of compaction, do not. */
export function adds({ put, append, fork, newSegments, addReferences, putTokenizer }: Change): boolean {
  return Boolean(put ?? append ?? fork ?? addReferences ?? putTokenizer) || (newSegments?.length ?? 0) > 0;
}

/** Lets a backend make these checks, in order, before it commits a change. */
export function checkCommits(backend: StorageBackend, checks: readonly ChangeCheck[]): void {
  const commit = backend.commit.bind(backend);
  backend.commit = async (change) => {
    const passed: ChangeCheck[] = [];
    try {
      for (const each of checks) {
        await each.check(change);
        passed.push(each);
      }
      return await commit(change);
    } finally {
      for (const each of passed) each.ended?.(change);
    }
  };
}
