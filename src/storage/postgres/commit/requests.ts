import { requestIdReused } from '../../shared/refusals.js';
import type { ChangeResult, RequestMark } from '../../contract/change.js';
import { decodeResult, encodeResult } from '../../shared/change-results.js';
import { isRemembered } from '../../shared/manifest-rules.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { uuid, uuidOf } from '../formats/ids.js';
import { anyRequest } from '../schema/kinds.js';
import type { Partitions } from '../partitions.js';

const insertRequest: Statement = {
  name: 'request_insert',
  text: 'insert into req (p, at, rid, digest, result) values ($1, $2, $3, $4, $5)',
};
const forgetRequest: Statement = {
  name: 'request_forget',
  text: 'delete from req where p = $1 and rid = $2 and at = $3',
};
/** Most requests that one statement forgets. */
export const forgottenAtOnce = 1_000;

/** Marks of changes that are answered. */
export const forgetAnswered: Statement = {
  name: 'requests_answered',
  text: 'delete from req where p = $1 and rid = any($2::uuid[])',
};
/** Requests outside the time for which they are remembered, some at a time. */
export const forgetOldRequests: Statement = {
  name: 'requests_forget',
  text: `delete from req where p = $1 and rid in
    (select rid from req where p = $1 and ${anyRequest} and (at < $2 or at > $3) order by at limit ${forgottenAtOnce})
    returning rid`,
};

/**
 * Returns the result of the request, if it is still remembered. @throws StowkenError REQUEST_ID_REUSED
 */
export function replayed(row: Row | undefined, mark: RequestMark): ChangeResult | undefined {
  if (!row || !isRemembered(int(row['at']), mark)) return undefined;
  if (text(row['digest']).replaceAll('-', '') !== mark.digest) throw requestIdReused(mark.id);
  return { ...decodeResult(bytes(row['result']).toString()), replayed: true };
}

/** Remembers a request. One of the same id at the same time is refused by the table's key. */
export function remember(
  transaction: Transaction,
  partitions: Partitions,
  mark: RequestMark,
  forgotten: Row | undefined,
  result: ChangeResult,
): void {
  const [p, rid] = [partitions.ofId(mark.id), uuidOf(mark.id)];
  if (forgotten) transaction.send(forgetRequest, [p, rid, text(forgotten['at'])]);
  const stored = Buffer.from(encodeResult(result));
  transaction.send(insertRequest, [p, mark.timeMs, rid, uuid(mark.digest), stored]);
}
