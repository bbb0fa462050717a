import { randomUUID } from 'node:crypto';
import type { ExclusiveLease } from '../../contract/backend.js';
import type { Database } from '../database/database.js';
import type { Statement } from '../database/driver.js';

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
  const taken = () => database.query(take, [p, name, holder]);
  if ((await taken()).length === 0) {
    await database.query(make, [p, name, holder]);
    if ((await taken()).length === 0) return undefined;
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
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      await database.query(release, [p, name, holder]);
    },
  };
}
