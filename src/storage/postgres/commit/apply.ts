import type { AppliedChange } from '../../shared/apply-change.js';
import { planSteps } from '../../shared/apply-change.js';
import { inTurn } from '../../shared/steps.js';
import { PostgresChangeOps } from './change-ops.js';
import type { Replacements } from './replace-frames.js';
import type { Works } from './works.js';

/**
 * Checks the preconditions of a change, and sends what it writes; nothing but the memory of a request is to
 * be written if it did not write. `replacements` are checked. `clockMax` is the tick up to which what was
 * condemned has no readers.
 */
export async function applyChange(
  works: Works,
  replacements: Replacements | undefined,
  clockMax: number,
): Promise<AppliedChange> {
  const ops = new PostgresChangeOps(works, replacements);
  const plan = await inTurn(planSteps(ops, works.change, clockMax));
  const applied = await inTurn(plan.apply());
  if (applied.wrote)
    for (const work of works.all) {
      work.sendRows();
      work.sendDelta();
    }
  return applied;
}
