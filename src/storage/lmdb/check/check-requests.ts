import { guarded, intact, type Report } from './check-report.js';
import type { Tables } from '../tables/environment.js';
import type { NameOf } from '../conversations/manifest.js';
import { numberKey, numberOfKey } from '../tables/number-key.js';
import { decodeRequest } from '../conversations/request-record.js';
import type { State } from '../tables/state.js';

/** Requests decode, and each has exactly one place in the order in which they are forgotten. */
export function* checkRequests(
  tables: Pick<Tables, 'requests' | 'requestOrder'>,
  state: State,
  nameOf: NameOf,
  report: Report,
): Generator<number, void, void> {
  const requestOf = (key: Buffer) => `request ${key.toString('hex')}`;
  for (const { key, value } of intact(tables.requests, report, 'requests', requestOf)) {
    const subject = requestOf(key);
    guarded(report, 'requests', subject, () => {
      const { number } = decodeRequest(value, nameOf);
      const placed = tables.requestOrder.get(numberKey(number));
      if (!placed || !key.equals(placed))
        report('requests', subject, `is not in place ${number} of the order`);
      if (number >= state.nextRequest) report('statistics', 'nextRequest', `is not above request ${number}`);
    });
    yield 0;
  }
  const placeOf = (key: Buffer) => `place ${numberOfKey(key)} of the requests`;
  for (const { key, value } of intact(tables.requestOrder, report, 'requests', placeOf)) {
    const number = numberOfKey(key);
    const subject = placeOf(key);
    guarded(report, 'requests', subject, () => {
      const record = tables.requests.get(Buffer.from(value));
      if (record && decodeRequest(record, nameOf).number === number) return;
      report('requests', subject, 'leads to no request');
    });
    yield 0;
  }
}
