import type { Codec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import type { Disk } from '../disk/disk.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** What a check looks at: the files, and what is known of them since the vault was opened. */
export interface CheckedVault {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
}
