import type { ChangeResult, RequestMark } from '../../change.js';
import { requestIdReused } from '../../refusals.js';
import { isRemembered } from '../../request-memory.js';
import type { Tables } from '../tables/environment.js';
import { REQUESTS_FORGOTTEN_MAX } from '../tables/layout.js';
import type { NameOf } from './manifest.js';
import type { NameCodes } from './names.js';
import { numberKey } from '../tables/number-key.js';
import { decodeRequest, encodeRequest, requestKey, type RequestRecord } from './request-record.js';
import type { State } from '../tables/state.js';

/** Which changes were made under which request ids. Of one write transaction, which sees what it has written. */
export class Requests {
  constructor(
    private readonly tables: Pick<Tables, 'requests' | 'requestOrder'>,
    private readonly state: State,
    private readonly names: NameCodes,
    private readonly nameOf: NameOf,
  ) {}

  /** What a change did under this id, unless that is too long ago. @throws StowkenError REQUEST_ID_REUSED */
  replay(mark: RequestMark): ChangeResult | undefined {
    const { id, digest } = mark;
    const earlier = this.#read(requestKey(id));
    if (!earlier || !isRemembered(earlier.timeMs, mark)) return undefined;
    if (earlier.digest !== digest) throw requestIdReused(id);
    return { ...earlier.result, replayed: true };
  }

  /** Keeps a result, in place of an older one, and forgets some of those that are too old. */
  remember(mark: RequestMark, result: ChangeResult): void {
    const { id, digest, timeMs } = mark;
    const { requests, requestOrder } = this.tables;
    this.#forget(mark);
    const key = requestKey(id);
    const earlier = this.#read(key);
    if (earlier) requestOrder.remove(numberKey(earlier.number));
    const number = this.state.nextRequest++;
    requests.put(key, encodeRequest({ number, timeMs, digest, result }, this.names));
    requestOrder.append(numberKey(number), key);
  }

  #forget(mark: RequestMark): void {
    const { requests, requestOrder } = this.tables;
    for (let count = 0; count < REQUESTS_FORGOTTEN_MAX; count++) {
      const first = requestOrder.firstKey();
      const key = first && requestOrder.get(first);
      if (!first || !key) return;
      const oldest = this.#read(Buffer.from(key));
      if (oldest && isRemembered(oldest.timeMs, mark)) return;
      if (oldest) requests.remove(Buffer.from(key));
      requestOrder.remove(first);
    }
  }

  #read(key: Buffer): RequestRecord | undefined {
    const record = this.tables.requests.get(key);
    return record && decodeRequest(record, this.nameOf);
  }
}
