import { randomUUID } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import type { ExclusiveLease } from '../../contract/backend.js';
import type { LeaseFence } from '../../contract/change.js';
import { holdGate } from '../commit/lookup.js';
import type { Database } from '../database/database.js';
import { int, type Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';

const lastsSeconds = 20;
const renewMs = 5_000;

/** A row of the lease that nobody has; it is taken by an update, whose conditions may ask for the time. */
const make: Statement = {
  name: 'lease_make',
  text: `insert into lease (p, name, holder, fence, until)
    values ($1, $2, $3, 0, now() - make_interval(secs => 1)) on conflict do nothing`,
};
const take: Statement = {
  name: 'lease_take',
  text: `update lease set holder = $3, fence = fence + 1, until = now() + make_interval(secs => ${lastsSeconds})
    where p = $1 and name = $2 and (until < now() or holder = $3) returning fence`,
};
const renew: Statement = {
  name: 'lease_renew',
  text: `update lease set until = now() + make_interval(secs => ${lastsSeconds})
    where p = $1 and name = $2 and holder = $3 and until > now() returning fence`,
};
const release: Statement = {
  name: 'lease_release',
  text: `update lease set until = now() - make_interval(secs => 1) where p = $1 and name = $2 and holder = $3`,
};

/** Resolves to false in a vault that was deleted: its gates went first, and nothing is to be added. */
function makeRow(database: Database, p: number, name: string, holder: string): Promise<boolean> {
  return database.transact(async (transaction) => {
    const [gate] = await transaction.query(holdGate, [p, 0]);
    if (gate) transaction.send(make, [p, name, holder]);
    return gate !== undefined;
  });
}

const hold: Statement = {
  name: 'lease_hold',
  text: `select fence from lease where p = $1 and name = $2 and fence = $3 and until > now() for share`,
};

/**
 * Keeps others from getting a right until the transaction ends.
 * @throws StowkenError CANCELLED if somebody else has got it since, or may get it
 */
export async function holdLease(
  transaction: Transaction,
  p: number,
  { name, number }: LeaseFence,
): Promise<void> {
  if ((await transaction.query(hold, [p, name, number])).length > 0) return;
  throw new StowkenError('CANCELLED', `the right to the ${name} was lost to another server`);
}

/**
 * Takes the exclusive right to a kind of work, by name, among all servers of a vault. The holder renews it;
 * one that cannot has lost it before another gets it.
 */
export async function takeLease(
  database: Database,
  p: number,
  name: string,
): Promise<ExclusiveLease | undefined> {
  const holder = randomUUID();
  const taken = async () => (await database.query(take, [p, name, holder]))[0];
  let row = await taken();
  if (!row) {
    if (!(await makeRow(database, p, name, holder))) return undefined;
    row = await taken();
    if (!row) return undefined;
  }
  const lost = new AbortController();
  let untilMs = Date.now() + lastsSeconds * 1_000;
  const timer = setInterval(() => {
    const startedMs = Date.now();
    if (startedMs > untilMs - renewMs) lost.abort();
    database.query(renew, [p, name, holder]).then(
      (rows) => {
        if (rows.length === 0) lost.abort();
        else untilMs = startedMs + lastsSeconds * 1_000;
      },
      () => {},
    );
  }, renewMs);
  timer.unref();
  return {
    fence: { name, number: int(row['fence']) },
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      await database.query(release, [p, name, holder]);
    },
  };
}
