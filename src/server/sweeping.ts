import { type OpenVaults, type StoredVault, Sweeper } from '../vaults/index.js';
import type { ServerParts } from './parts.js';

/** Creates the sweeper of the vaults, in the process that owns them; undefined if it is off. */
export function createSweeper(
  { options, logger, catalogue, metrics }: ServerParts,
  vaults: OpenVaults<StoredVault>,
): Sweeper | undefined {
  const { sweepIntervalMs, sweepWindow, readOnly } = options;
  const intervalMs = readOnly ? 0 : sweepIntervalMs;
  metrics?.own.add((samples) => samples.set('stowken_sweep_interval_seconds', {}, intervalMs / 1000));
  if (intervalMs === 0) return undefined;
  const sweeper = new Sweeper({
    vaults,
    catalogue,
    intervalMs,
    window: sweepWindow,
    clock: Date.now,
    onSwept: (vault, swept) => logger.info({ vault, ...swept }, 'deleted what has expired, or is too much'),
    onError: (vault, error) => logger.error({ vault, err: error }, 'what has expired could not be deleted'),
  });
  if (metrics) watch(sweeper, metrics.own);
  return sweeper;
}

type Own = NonNullable<ServerParts['metrics']>['own'];

/** Adds figures of the sweeps; those of vaults with the same label are summed. */
function watch(sweeper: Sweeper, own: Own): void {
  own.add((samples) => {
    const byLabel = new Map<string, { swept: number; left: number; lastMs: number | undefined }>();
    for (const [name, { swept, left, lastMs }] of sweeper.figures.all) {
      const { label } = own.meters.of(name);
      const sum = byLabel.get(label) ?? { swept: 0, left: 0, lastMs };
      const isEarlier = lastMs !== undefined && lastMs < (sum.lastMs ?? Infinity);
      byLabel.set(label, {
        swept: sum.swept + swept,
        left: sum.left + left,
        lastMs: isEarlier ? lastMs : sum.lastMs,
      });
    }
    for (const [vault, { swept, left, lastMs }] of byLabel) {
      samples.set('stowken_swept_conversations_total', { vault }, swept);
      samples.set('stowken_vault_expired_conversations', { vault }, left);
      if (lastMs !== undefined)
        samples.set('stowken_vault_last_sweep_timestamp_seconds', { vault }, lastMs / 1000);
    }
  });
}
