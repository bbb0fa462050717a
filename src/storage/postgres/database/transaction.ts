import type { PoolClient } from 'pg';
import type { Row, Statement, Value } from './driver.js';
import { isConnectionFailure, stateOf, UnknownOutcome } from './failures.js';

const begin: Statement = { name: 'begin', text: 'begin isolation level read committed' };
const beginSnapshot: Statement = {
  name: 'begin_snapshot',
  text: 'begin isolation level repeatable read read only',
};
const commit: Statement = { name: 'commit', text: 'commit' };
const unlimited: Statement = { name: 'no_timeout', text: 'set local statement_timeout = 0' };
const rollback: Statement = { name: 'rollback', text: 'rollback' };

/** Time for a statement that looks at all rows of a vault, or deletes them. */
const longMs = 24 * 60 * 60 * 1000;

export interface TransactionOptions {
  /** True to see one state of the database throughout, and to write nothing. */
  readonly snapshot?: boolean;
  /** True for statements that look at all rows of a vault, or delete them. */
  readonly long?: boolean;
}

/** Place of a transaction's connection among all that this process has opened to the database. */
export interface ConnectionPlace {
  /** Number of the connection, by the order in which they were opened. */
  readonly connection: number;
  /** Connections opened before the transaction began. */
  readonly connections: number;
}

/**
 * True if what a transaction saw, which had the place `seen`, is there for one of the place `own`: its
 * connection was open before. A database that another takes over from, or that comes back from a crash, may
 * have lost its latest commits; no connection outlives that.
 */
export function canGoBy(seen: ConnectionPlace, own: ConnectionPlace): boolean {
  return own.connection <= seen.connections;
}

/** A transaction on one connection. Statements are sent at once, and answered in their order. */
export class Transaction {
  readonly #sent: Promise<unknown>[] = [];

  constructor(
    private readonly client: PoolClient,
    readonly place: ConnectionPlace,
    private readonly isLong = false,
  ) {}

  /** Sends a statement; resolves to its rows. */
  async query(statement: Statement, values: readonly Value[] = []): Promise<readonly Row[]> {
    const { rows } = await this.#send(statement, values);
    return rows as Row[];
  }

  /** Sends a statement whose failure shows at the end, and to `onFailure`. */
  send(
    statement: Statement,
    values: readonly Value[] = [],
    onFailure: (error: unknown) => void = () => {},
    onRows: (rows: readonly Row[]) => void = () => {},
  ): void {
    this.#send(statement, values).then(({ rows }) => onRows(rows as Row[]), onFailure);
  }

  /** Resolves when everything sent is done. Rejects with the first failure. */
  async flush(): Promise<void> {
    await Promise.all(this.#sent);
  }

  /** Returns the failure that made the others fail, if any. */
  async firstFailure(): Promise<unknown> {
    const settled = await Promise.allSettled(this.#sent);
    const failures = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    return failures.find((each) => stateOf(each) !== '25P02');
  }

  #send({ name, text }: Statement, values: readonly Value[]) {
    const patience = this.isLong && { query_timeout: longMs };
    const sent = this.client.query({ name, text, values: values.map(sendable), ...patience });
    this.#sent.push(sent);
    sent.catch(() => {});
    return sent;
  }
}

function sendable(value: Value): unknown {
  return value instanceof Uint8Array && !Buffer.isBuffer(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.length)
    : value;
}

/**
 * Runs `body` in a transaction on this connection, and commits it with what it sent last in one trip. Rejects
 * with UnknownOutcome if the connection is lost after the commit was sent.
 */
export async function inTransaction<T>(
  client: PoolClient,
  place: ConnectionPlace,
  body: (transaction: Transaction) => Promise<T>,
  { snapshot = false, long = snapshot }: TransactionOptions = {},
): Promise<T> {
  const transaction = new Transaction(client, place, long);
  transaction.send(snapshot ? beginSnapshot : begin);
  if (long) transaction.send(unlimited);
  let committing = false;
  try {
    const result = await body(transaction);
    committing = true;
    transaction.send(commit);
    await transaction.flush();
    return result;
  } catch (error) {
    // The transaction is over if its commit was answered, be it with a rollback.
    if (!committing) transaction.send(rollback);
    const first = (await transaction.firstFailure()) ?? error;
    if (committing && isConnectionFailure(first)) throw new UnknownOutcome('commit', { cause: first });
    throw committing || stateOf(error) !== undefined ? first : isConnectionFailure(first) ? first : error;
  }
}
