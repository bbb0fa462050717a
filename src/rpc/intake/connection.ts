import type { ServerHttp2Session } from 'node:http2';
import { limits } from '../../model/index.js';
import type { Share } from './budget.js';
import { TokenBucket } from './resets.js';

/** A client's connection: what its calls hold, and what it may still do. */
export class Connection implements Share {
  usedBytes = 0;
  /** Streams of requests that are open. */
  uploads = 0;
  /** Whether the client has spoken HTTP/2 yet. */
  settled = false;
  /** Whether the server is about to close it. */
  ending = false;
  readonly openedMs = Date.now();
  readonly resets = new TokenBucket(limits.resetsBurstMax, limits.resetsPerSecondMax, this.openedMs);

  constructor(readonly session: ServerHttp2Session) {}
}
