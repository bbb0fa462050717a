import { join } from 'node:path';
import type { LiveCodec } from '../../src/codec/index.js';
import type { TokenCore } from '../../src/core/index.js';
import { openFilesystemBackend, openLmdbBackend, type ManagedBackend } from '../../src/storage/index.js';

export const durableKinds = ['lmdb', 'filesystem'] as const;
export type DurableKind = (typeof durableKinds)[number];

/** Packs whatever a compaction finds, so that kills meet packs. */
const packing = { coldAfterMs: 0, fewest: 1 };

export function openDurable(
  kind: DurableKind,
  folder: string,
  { codec, core }: { readonly codec: LiveCodec; readonly core: TokenCore },
): Promise<ManagedBackend> {
  const options = { folder, codec, clock: Date.now };
  return kind === 'lmdb'
    ? openLmdbBackend({ ...options, packing })
    : openFilesystemBackend({ ...options, core });
}

/**
 * Returns the folder of the vault of a kind, and the journal of the facts that a round's worker was promised.
 */
export function vaultOf(folder: string, kind: DurableKind): string {
  return join(folder, kind);
}

export function journalOf(folder: string, kind: DurableKind, round: number | string): string {
  return join(folder, `${kind}-journal-${round}`);
}
