import { connect } from '../../src/client/index.js';
import type { Corpus } from '../lib/corpus.js';
import { median, printTable, short } from '../lib/table.js';
import { retrievePath, retrieveRequest, RawClient, storePath, storeRequest } from '../lib/wire.js';
import type { Bench } from './bench.js';
import { withCluster } from './servers.js';
import { FarPort } from './far-port.js';

const conversations = 24;
/** Calls before those that are counted: connections prepare their statements. */
const warmUp = 12;
const tripMs = 100;

/**
 * Measures the trips of calls one after the other, by the time that they take when the database is so far
 * away that nothing else takes long.
 */
export async function measureTrips({ core, database }: Bench, corpus: Corpus): Promise<void> {
  const far = await FarPort.open(database.port, tripMs / 2);
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
            const startedMs = performance.now();
            await call(each, n);
            if (n >= warmUp) trips.push((performance.now() - startedMs) / tripMs);
          }
          rows.push([
            name,
            Math.floor(median(trips)).toFixed(0),
            `${short(Math.min(...trips))} to ${short(Math.max(...trips))}`,
          ]);
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
        raw.close();
        client.close();
      },
      far.port,
    );
  } finally {
    far.close();
  }
  printTable(
    `postgres: trips to the database a call, ${corpus.name}; a trip takes ${tripMs} ms, ${some.length - warmUp} calls`,
    ['call', 'trips', 'time in trips'],
    rows,
  );
}
