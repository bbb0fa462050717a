import { StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import type { TellPreparation } from './preparation.js';

/**
 * A damaged frame, or a pack that has one, has no part in what else may be deleted, and a stray file is not the
 * vault's.
 */
const harmless: ReadonlySet<string> = new Set(['frame', 'pack-checksum', 'stray-file']);

/**
 * To be awaited before destructive work: what it relies on (references, counts, garbage, registries) must hold.
 * @throws StowkenError CORRUPT_STORE
 */
export async function requireIntact(
  backend: StorageBackend,
  signal: AbortSignal,
  tell: TellPreparation,
): Promise<void> {
  const onProgress = (done: number, total: number) => tell('checking', done, total);
  const violations = await backend.check({ depth: 'records', signal, onProgress });
  const [first, ...more] = violations.filter(({ invariant }) => !harmless.has(invariant));
  if (!first) return;
  const { invariant, subject, detail } = first;
  throw new StowkenError(
    'CORRUPT_STORE',
    `nothing was deleted: the vault is not whole (${subject}: ${detail}; ${more.length} more); ` +
      'verify it, and repair it first',
    { invariant, subject, violations: String(more.length + 1) },
  );
}
