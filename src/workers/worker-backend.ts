import type { LmdbReader, StorageBackend } from '../storage/index.js';
import type { Channel } from './channel.js';
import { forwardReads } from './forward.js';
import type { PrimaryOffer } from './offers.js';

/** A vault that this process reads by itself, and that another one writes. */
export function createWorkerBackend(
  reader: LmdbReader,
  primary: Channel<PrimaryOffer>,
  lease: () => () => void,
): StorageBackend {
  const reads = forwardReads(() => {
    // The primary may have written since: what is read next is what is stored now.
    reader.refresh();
    return reader;
  });
  return {
    ...reads,
    kind: reader.kind,
    vaultId: reader.vaultId,
    // What a long change names is looked up here, where it was looked up a moment ago.
    commit: async (change) => primary.call('commit', await reader.findAhead(change)),
    lease,
    close: () => reader.close(),
  };
}
