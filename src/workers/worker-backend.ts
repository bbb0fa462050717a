import type { LmdbReader, StorageBackend } from '../storage/index.js';
import type { Channel } from './channel.js';
import { forwardReads } from './forward.js';
import { sendAhead } from './lists-ahead.js';
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
    async commit(change) {
      // What a change names is looked up here, where it was looked up a moment ago.
      const found = await reader.findAhead(change);
      const sent = await sendAhead(found, (piece) => primary.call('sendPiece', piece));
      return primary.call('commit', sent);
    },
    lease,
    close: () => reader.close(),
  };
}
