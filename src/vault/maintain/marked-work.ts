import type { Vault } from '../vault.js';

/** Work on a whole vault that callers start, or the server by itself. */
export type WorkName = 'compaction' | 'gc' | 'backup' | 'verify' | 'erasure';

/** Marks the beginning of work. Returns the function that marks its end. */
export type BeginWork = (task: WorkName) => () => void;

/** Returns the vault with its work marked while it is under way. Dry runs are not: they change nothing. */
export function markWork(vault: Vault, begin: BeginWork): Vault {
  return {
    ...vault,
    collectGarbage: (options, signal) => {
      const parts = vault.collectGarbage(options, signal);
      return options.dryRun ? parts : marked(parts, 'gc', begin);
    },
    compact: (input, signal) => {
      const parts = vault.compact(input, signal);
      return input.dryRun ? parts : marked(parts, 'compaction', begin);
    },
    erase: (input, signal) => {
      const parts = vault.erase(input, signal);
      return input.dryRun ? parts : marked(parts, 'erasure', begin);
    },
    verify: (options, signal) => marked(vault.verify(options, signal), 'verify', begin),
    backup: (signal) => marked(vault.backup(signal), 'backup', begin),
  };
}

async function* marked<T>(
  parts: AsyncGenerator<T, void, void>,
  task: WorkName,
  begin: BeginWork,
): AsyncGenerator<T, void, void> {
  const end = begin(task);
  try {
    yield* parts;
  } finally {
    end();
  }
}
