import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import type { Corpus } from '../lib/corpus.js';
import { median, printTable } from '../lib/table.js';
import { retrievePath, retrieveRequest, RawClient, storePath, storeRequest } from '../lib/wire.js';
import type { Bench } from './index.js';
import { withCluster } from './servers.js';
import { TripCounter } from './trip-counter.js';

const conversations = 60;
/** Time without calls in which the trips of beats are counted. */
const idleMs = 5_000;

/**
 * Measures the trips of calls one after the other, through a port that counts them. Beats of the server are
 * counted too, so it is the median of many calls.
 */
export async function measureTrips({ core, database }: Bench, corpus: Corpus): Promise<void> {
  const counter = await TripCounter.open(database.port);
  const some = corpus.conversations.slice(0, conversations);
  const rows: string[][] = [];
  try {
    await withCluster(
      database,
      'stowken, 1 server',
      async ({ addresses: [address] }) => {
        const raw = new RawClient(address!);
        const client = connect({ server: address! });
        const measure = async (
          name: string,
          call: (each: (typeof some)[number], n: number) => Promise<unknown>,
        ) => {
          const trips: number[] = [];
          for (const [n, each] of some.entries()) {
            const before = counter.trips;
            await call(each, n);
            trips.push(counter.trips - before);
          }
          rows.push([name, String(median(trips)), `${Math.min(...trips)} to ${Math.max(...trips)}`]);
        };
        const message = { role: 'user', tokens: Uint32Array.of(1, 2, 3) };
        await measure('store', (each) => raw.unary(storePath, storeRequest(core, each)));
        await measure('store of what is stored, under another id', (each) =>
          raw.unary(storePath, storeRequest(core, { ...each, id: `${each.id}/2` })),
        );
        await measure('retrieve', ({ id }) => raw.stream(retrievePath, retrieveRequest(id, 1)));
        await measure('append', ({ id }, n) =>
          client.append(id, [{ ...message, tokens: Uint32Array.of(n, n + 1, 7) }]),
        );
        await measure('get', ({ id }) => client.get(id));
        await measure('delete', ({ id }) => client.delete(id));
        const before = counter.trips;
        await sleep(idleMs);
        rows.push(['none, a second', ((1_000 * (counter.trips - before)) / idleMs).toFixed(1), '']);
        raw.close();
        client.close();
      },
      counter.port,
    );
  } finally {
    counter.close();
  }
  printTable(
    `postgres: trips to the database a call, ${corpus.name}; beats of the server come between`,
    ['call', 'median', 'least to most'],
    rows,
  );
}
