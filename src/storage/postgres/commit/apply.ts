import type { AppliedChange } from '../../shared/apply-change.js';
import { planSteps } from '../../shared/apply-change.js';
import { inTurn } from '../../shared/steps.js';
import { PostgresChangeOps } from './change-ops.js';
import type { Replacements } from './replace-frames.js';
import type { Works } from './works.js';

/** Ticks of the vault's clock by which a change deletes what it had condemned. */
export interface Ticks {
  /** The change's own: what was condemned until then has passed its barrier. */
  readonly barrier: number;
  /** The tick up to which what was condemned has no readers, either. */
  readonly clockMax: number;
}
/** Ticks of a change that deletes nothing. */
export const noTicks: Ticks = { barrier: 0, clockMax: 0 };

/**
 * Checks the preconditions of a change, and sends what it writes; nothing but the memory of a request is to
 * be written if it did not write. `replacements` are checked.
 */
export async function applyChange(
  works: Works,
  replacements: Replacements | undefined,
  { barrier, clockMax }: Ticks,
): Promise<AppliedChange> {
  const ops = new PostgresChangeOps(works, replacements, barrier);
  const plan = await inTurn(planSteps(ops, works.change, clockMax));
  const applied = await inTurn(plan.apply());
  if (applied.wrote)
    for (const work of works.all) {
      work.sendRows();
      work.sendDelta();
    }
  return applied;
}
