import type { Pool, PoolClient } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { StowkenError } from '../../../model/index.js';
import { type Row, type Statement, type Value, loadDriver } from './driver.js';
import {
  busy,
  isConflict,
  isConnectionFailure,
  isRefusedConnection,
  isTimedOut,
  unavailable,
  UnknownOutcome,
} from './failures.js';
import { type ConnectionPlace, inTransaction, Transaction, type TransactionOptions } from './transaction.js';

export interface DatabaseOptions {
  /** URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE, with libpq's parameters. */
  readonly url: string;
  /** Schema of the tables. */
  readonly schema?: string;
  readonly connectionsMax?: number;
  /** Time for which an unreachable database is waited for. */
  readonly patienceMs?: number;
}

/**
 * Settings of a connection. Plans of small tables must not stay when they have grown: every row is looked up
 * by a key. Nor does a plan depend on the values: a vault that the planner has not seen has rows, too.
 */
const settings = [
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'plan_cache_mode=force_generic_plan',
  'statement_timeout=60000',
  'client_min_messages=warning',
] as const;
const conflictsMax = 20;
const defaults = { schema: 'stowken', connectionsMax: 16, patienceMs: 15_000 } as const;

/** A pool of connections to one database. What was lost by conflict or with a connection is tried again. */
export class Database {
  /** Hidden from printed objects: it has the password. */
  readonly #pool: Pool;
  /** Connections opened so far, and which of them each one is, from 1. */
  #opened = 0;
  readonly #order = new WeakMap<PoolClient, number>();

  private constructor(
    pool: Pool,
    readonly schema: string,
    private readonly patienceMs: number,
  ) {
    this.#pool = pool;
    pool.on('connect', (client) => void this.#order.set(client, ++this.#opened));
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const { url, ...own } = ownParameters(options.url);
    const { schema, connectionsMax, patienceMs } = { ...defaults, ...own, ...options };
    const driver = await loadDriver();
    const pool = new driver.Pool({
      connectionString: url,
      max: connectionsMax,
      pipeline: true,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      // A statement that is not answered is taken for lost.
      query_timeout: 70_000,
      allowExitOnIdle: true,
      application_name: 'stowken',
      keepAlive: true,
      options: [`search_path=${quotedSchema(schema)}`, ...settings].map((each) => `-c ${each}`).join(' '),
    });
    // A connection that fails while nobody uses it is replaced.
    pool.on('error', () => {});
    return new Database(pool, schema, patienceMs);
  }

  /** Runs one statement by itself. */
  async query(statement: Statement, values: readonly Value[] = []): Promise<readonly Row[]> {
    return this.#patiently((client) =>
      client
        .query({
          ...statement,
          values: values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
        })
        .then(({ rows }) => rows as Row[]),
    );
  }

  /** Runs statements that need no transaction, on one connection and in one trip. */
  async queries(
    asked: readonly (readonly [Statement, readonly Value[]])[],
  ): Promise<readonly (readonly Row[])[]> {
    const [only] = asked;
    if (!only) return [];
    if (asked.length === 1) return [await this.query(...only)];
    return this.#patiently(async (client) => {
      const transaction = new Transaction(client, this.#placeOf(client));
      const answers = asked.map(([statement, values]) => transaction.query(statement, values));
      await Promise.allSettled(answers);
      return Promise.all(answers);
    });
  }

  /**
   * Runs a transaction, once more if it lost to another, or if nobody can say whether it was committed: it
   * must have no effect besides, and may be made twice. With `settles` it is not made once more in that case,
   * and rejects with UnknownOutcome.
   */
  async transact<T>(
    body: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions & { readonly settles?: boolean } = {},
  ): Promise<T> {
    const run = (client: PoolClient) => inTransaction(client, this.#placeOf(client), body, options);
    return this.#patiently(run, options.settles);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #placeOf(client: PoolClient): ConnectionPlace {
    return { connection: this.#order.get(client) ?? Infinity, connections: this.#opened };
  }

  async #patiently<T>(run: (client: PoolClient) => Promise<T>, settles = false): Promise<T> {
    const untilMs = Date.now() + this.patienceMs;
    for (let conflicts = 0, attempt = 0; ; attempt++) {
      try {
        return await this.#once(run);
      } catch (failure) {
        const error = failure instanceof UnknownOutcome && !settles ? failure.cause : failure;
        if (isConflict(error) && (conflicts += 1) <= conflictsMax) {
          await sleep(Math.random() * Math.min(200, 2 ** conflicts));
          continue;
        }
        if (isTimedOut(error)) throw busy(error);
        if (isRefusedConnection(error)) throw unavailable(error);
        const isLost = !(error instanceof StowkenError || error instanceof UnknownOutcome);
        if (!isLost || !isConnectionFailure(error)) throw error;
        if (Date.now() >= untilMs) throw unavailable(error);
        await sleep(Math.min(1_000, 20 * 2 ** Math.min(attempt, 6)) * (0.5 + Math.random()));
      }
    }
  }

  async #once<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    // Without a listener, the loss of a connection in use would end the process.
    const onError = () => {};
    client.on('error', onError);
    let lost = false;
    try {
      return await run(client);
    } catch (error) {
      const cause = error instanceof UnknownOutcome ? error.cause : error;
      lost = !(error instanceof StowkenError) && isConnectionFailure(cause);
      throw error;
    } finally {
      client.off('error', onError);
      client.release(lost);
    }
  }
}

/** @throws StowkenError INVALID_FIELD for a name that would have to be quoted */
export function quotedSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new StowkenError(
    'INVALID_FIELD',
    `"${schema}" is no name of a schema: lower-case letters, digits, _`,
    {
      field: 'schema',
    },
  );
}

/** Takes the parameters of ours out of a URL: ?schema=NAME and ?connections=N. */
function ownParameters(text: string): Pick<DatabaseOptions, 'url' | 'schema' | 'connectionsMax'> {
  if (!URL.canParse(text)) return { url: text };
  const url = new URL(text);
  const schema = url.searchParams.get('schema');
  const connections = Number(url.searchParams.get('connections') ?? Number.NaN);
  url.searchParams.delete('schema');
  url.searchParams.delete('connections');
  return {
    url: url.toString(),
    ...(schema !== null && { schema }),
    ...(connections >= 1 && { connectionsMax: Math.floor(connections) }),
  };
}
