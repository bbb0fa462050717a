import { isStowkenError } from '../../model/index.js';
import type { Vault } from '../vault.js';

/** Work that looks at a whole vault. */
export const taskNames = ['compaction', 'gc', 'backup', 'verify', 'check', 'sweep'] as const;
export type TaskName = (typeof taskNames)[number];

export interface TaskFigures {
  running: number;
  failures: number;
  /** Time of the last success, since 1970; undefined without one. */
  lastSuccessMs: number | undefined;
}

/** Counts of such work, for those who watch it; several vaults may share one. */
export class TaskActivity {
  readonly figures: Readonly<Record<TaskName, TaskFigures>> = {
    compaction: none(),
    gc: none(),
    backup: none(),
    verify: none(),
    check: none(),
    sweep: none(),
  };
}

function none(): TaskFigures {
  return { running: 0, failures: 0, lastSuccessMs: undefined };
}

/** Ends that are not failures: somebody wanted it, or the same work is being done already. */
const wanted = ['CANCELLED', 'DEADLINE_EXCEEDED', 'COMPACTION_RUNNING', 'UNSUPPORTED_BY_STORAGE'] as const;

/** Returns the vault with its tasks counted. Dry runs are not: they do nothing. */
export function countTasks(vault: Vault, { figures }: TaskActivity): Vault {
  return {
    ...vault,
    collectGarbage: (options, signal) => {
      const parts = vault.collectGarbage(options, signal);
      return options.dryRun ? parts : counted(parts, figures.gc);
    },
    compact: (input, signal) => {
      const parts = vault.compact(input, signal);
      return input.dryRun ? parts : counted(parts, figures.compaction);
    },
    verify: (options, signal) => counted(vault.verify(options, signal), figures.verify),
    backup: (signal) => counted(vault.backup(signal), figures.backup),
  };
}

async function* counted<T>(
  parts: AsyncGenerator<T, void, void>,
  figures: TaskFigures,
): AsyncGenerator<T, void, void> {
  figures.running += 1;
  try {
    yield* parts;
    figures.lastSuccessMs = Date.now();
  } catch (error) {
    if (!wanted.some((reason) => isStowkenError(error, reason))) figures.failures += 1;
    throw error;
  } finally {
    figures.running -= 1;
  }
}
