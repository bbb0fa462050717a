import type { LiveCodec } from '../../../codec/index.js';
import type { RequestMark } from '../../contract/change.js';
import type { Database } from '../database/database.js';
import type { IdSource } from '../formats/ids.js';
import type { Labels } from '../read/labels.js';
import type { KnownKinds } from '../read/known-kinds.js';
import type { KnownPrefixes } from '../read/known-prefixes.js';
import type { KnownSegments } from '../read/known-segments.js';
import type { Presence } from '../leases/presence.js';
import type { Partitions } from '../partitions.js';
import type { Registries } from '../read/registries.js';

/** Everything of an open vault that its operations share. */
export interface VaultParts {
  readonly database: Database;
  /** Partitions of the vault's rows. */
  readonly partitions: Partitions;
  /** True if Citus distributes the tables. */
  readonly isCitus: boolean;
  readonly vaultId: string;
  readonly codec: LiveCodec;
  readonly clock: () => number;
  readonly ids: IdSource;
  readonly known: KnownSegments;
  readonly kinds: KnownKinds;
  readonly prefixes: KnownPrefixes;
  readonly labels: Labels;
  readonly presence: Presence;
  readonly registries: Registries;
  /**
   * `latest`: mark of the latest request that was remembered, with the time for which requests are.
   * `answered`: marks of this process whose changes are settled: they can be forgotten.
   */
  readonly requests: { latest: RequestMark | undefined; readonly answered: string[] };
  /** Store time of the newest conversation that this process knows of. */
  readonly newest: { storeTimeMs: number };
}
