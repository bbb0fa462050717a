import type { StorageBackend } from '../../storage/index.js';
import { BlockFingerprints } from './block-fingerprints.js';

export interface PrefixIndexParts {
  readonly backend: Pick<StorageBackend, 'vaultId' | 'findPrefix'>;
  /** Whether conversations that are stored are entered in the prefix index; they are unless this is false. */
  readonly prefixIndex?: boolean | undefined;
}

/** Whether what is stored is entered in the prefix index. */
export function isIndexed({ backend, prefixIndex = true }: PrefixIndexParts): boolean {
  return prefixIndex && backend.findPrefix !== undefined;
}

/** What names a conversation's blocks from its first token on; undefined where nothing is entered. */
export function newFingerprints(parts: PrefixIndexParts): BlockFingerprints | undefined {
  return isIndexed(parts) ? new BlockFingerprints(parts.backend.vaultId) : undefined;
}

/** As a put has them. */
export function prefixOf(fingerprints: BlockFingerprints | undefined): { readonly prefix?: Uint8Array } {
  return fingerprints ? { prefix: fingerprints.blocks() } : {};
}
