import { AdminClient } from './admin-client.js';
import { type Analytics, analytics } from './analytics-client.js';
import { type Similarity, similarity } from './similar-client.js';
import { type ConversationReads, conversationReads } from './conversation-reads.js';
import { type ConversationWrites, conversationWrites } from './conversation-writes.js';
import { checkHealth, type HealthState } from './health.js';
import { type Maintenance, maintenance } from './maintenance.js';
import { checkConnectOptions } from './options.js';
import { SegmentClient } from './segment-client.js';
import { Transport } from './transport.js';
import type { CallControl, ConnectOptions } from './connection-types.js';

/**
 * A connection to a server. Calls reject with ClientError; with RangeError or TypeError for arguments that no
 * server would receive as meant. Reads, and stores under an id, are retried while no server answers.
 */
export interface StowkenClient
  extends ConversationReads, ConversationWrites, Maintenance, Analytics, Similarity {
  readonly segments: SegmentClient;
  readonly admin: AdminClient;
  /** Asks for the health of the server, or of one vault. Rejects with NOT_FOUND for one that is not open. */
  health(options?: CallControl & { readonly vault?: string }): Promise<HealthState>;
  /** Ends the connection; calls under way fail. */
  close(): void;
}

/**
 * Creates a client of one server. It connects with the first call.
 * @throws ClientError INVALID_FIELD for invalid options, with the option's name in metadata.field
 */
export function connect(options: ConnectOptions): StowkenClient {
  const checked = checkConnectOptions(options);
  const { vault } = checked;
  const transport = new Transport(checked);
  return {
    ...conversationReads(transport, vault),
    ...conversationWrites(transport, vault),
    ...maintenance(transport, vault),
    ...analytics(transport, vault),
    ...similarity(transport, vault),
    segments: new SegmentClient(transport, vault),
    admin: new AdminClient(transport, vault),
    health: (options) => checkHealth(transport, options),
    close: () => {
      transport.close();
    },
  };
}
