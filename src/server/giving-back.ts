import { type OpenVaults, SpaceKeeper, type StoredVault } from '../vaults/index.js';
import type { ServerParts } from './parts.js';

/** Creates what gives space back, in the process that owns the vaults; undefined if it is off. */
export function createSpaceKeeper(
  { options, logger, metrics }: ServerParts,
  vaults: OpenVaults<StoredVault>,
): SpaceKeeper | undefined {
  const { giveBackIntervalMs: intervalMs, readOnly, storage } = options;
  if (intervalMs === 0 || readOnly || storage !== 'lmdb') return undefined;
  const keeper = new SpaceKeeper({
    vaults,
    intervalMs,
    clock: Date.now,
    onGivenBack: (vault, bytes, { allocatedBytes, inUseBytes }) =>
      logger.info({ vault, bytes, allocatedBytes, inUseBytes }, 'gave free space back to the file system'),
    onError: (vault, error) => logger.error({ vault, err: error }, 'free space could not be given back'),
  });
  metrics?.own.add((samples) => {
    const byLabel = new Map<string, { allocated: number; given: number }>();
    for (const [name, { space, givenBackBytes }] of keeper.figures.all) {
      const { label } = metrics.own.meters.of(name);
      const sum = byLabel.get(label) ?? { allocated: 0, given: 0 };
      byLabel.set(label, {
        allocated: sum.allocated + (space?.allocatedBytes ?? 0),
        given: sum.given + givenBackBytes,
      });
    }
    for (const [vault, { allocated, given }] of byLabel) {
      samples.set('stowken_vault_allocated_bytes', { vault }, allocated);
      samples.set('stowken_given_back_bytes_total', { vault }, given);
    }
  });
  return keeper;
}
