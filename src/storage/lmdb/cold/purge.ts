import type { StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { packCold, type Write } from './pack-cold.js';

const ROUNDS = 3;
const rules = { coldBeforeMs: -Infinity, fewest: Infinity, purges: true } as const;

/**
 * Makes every pack again that still says something of a conversation that is gone. Damaged packs stay as they
 * are; a check reports them.
 */
export async function purgePacks(
  tables: Tables,
  nameOf: StringOf,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; round <= ROUNDS && hasGone(tables); round += 1)
    await packCold(tables, nameOf, write, rules, signal);
}

/** True if a pack says something of a conversation that is gone. More may go meanwhile. */
function hasGone({ conversations }: Tables): boolean {
  const { packed } = conversations;
  for (const { key, head } of packed.heldFrom(1)) {
    const isWhole = head === undefined || head.numbers.length === head.packed;
    if (!isWhole && undefinedIfCorrupt(() => packed.decoded(key))) return true;
  }
  return false;
}
