import type { TokenCore } from '../../src/core/index.js';
import type { LoadClients } from '../lib/load.js';
import type { OwnDatabase } from './database.js';

/** Means that all measurements share. */
export interface Bench {
  readonly core: TokenCore;
  readonly clients: LoadClients;
  readonly database: OwnDatabase;
}
