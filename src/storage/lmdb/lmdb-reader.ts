import type { LiveCodec } from '../../codec/index.js';
import type { MaintainedBackend, StorageBackend } from '../contract/backend.js';
import type { Change } from '../contract/change.js';
import { OpenVault } from './open-vault.js';
import { findAhead, segmentQueries } from './segment-queries.js';
import type { Environment } from './tables/environment.js';
import { vaultQueries } from './vault-queries.js';

type OptionalReads = 'sharedSegments' | 'useTimes' | 'listReferences';

/** Queries of a vault that another process writes; see openLmdbReader. */
export interface LmdbReader
  extends
    Omit<
      StorageBackend,
      'commit' | 'findPrefix' | 'warmPrefixes' | 'usage' | 'backup' | 'readTokenizer' | OptionalReads
    >,
    Pick<MaintainedBackend, 'findPrefix' | 'warmPrefixes' | 'usage' | 'backup' | 'readTokenizer'>,
    Required<Pick<StorageBackend, OptionalReads>> {
  /** Lets the next read see the current state. */
  refresh(): void;
  /** Looks up the segments that a change names, so that its transaction need not do so. */
  findAhead(change: Change): Promise<Change>;
  /** Decodes with these stored registries only, and encodes with the last one. */
  setRegistries(ids: readonly number[]): void;
}

export function createLmdbReader(
  environment: Environment,
  codec: LiveCodec,
  /** See StorageBackend. */
  lease: () => () => void,
  sharers: number,
): LmdbReader {
  const vault = new OpenVault(environment, codec, { isOwner: false, sharers });
  return {
    kind: 'lmdb',
    vaultId: vault.vaultId,
    ...segmentQueries(vault),
    // This process commits nothing at any time.
    ...vaultQueries(vault, lease, async (task) => task()),
    lease,
    refresh: () => {
      environment.refresh();
    },
    findAhead: (change) => findAhead(vault, change),
    setRegistries: (ids) => {
      vault.setRegistries(ids);
    },
    close: () => vault.close(),
  };
}
