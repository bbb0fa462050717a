import { availableParallelism } from 'node:os';
import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import type { LoadClients } from '../lib/load.js';
import { printTable } from '../lib/table.js';
import { retrievePath, retrieveRequest, storePath, storeRequest } from '../lib/wire.js';
import { Measured, measuredColumns, soMany, warmUps } from './measured.js';
import { storeAll, withServers } from './retrieval.js';

const runs = 7;
const inFlight = 64;
const calls = 2000;

/** Measures what TLS, tokens and metrics cost, beside a server without them and one with metrics alone. */
export async function measureSecure(core: TokenCore, clients: LoadClients, corpus: Corpus): Promise<void> {
  const kinds = ['stowken', 'stowken, metrics', 'stowken, TLS, token and metrics'] as const;
  await withServers(kinds, async (servers) => {
    for (const server of servers) await storeAll(core, clients, server, corpus);
    const conversations = soMany(corpus.conversations, calls);
    const tokens = tokenCount(conversations);
    const rows: string[][] = [];
    const loads = [
      ['stores under new ids', storePath],
      ['retrieval', retrievePath],
    ] as const;
    for (const [what, path] of loads) {
      const measured = servers.map(() => new Measured());
      for (let run = -warmUps; run < runs; run++) {
        const requests = conversations.map((each, n) =>
          path === storePath
            ? storeRequest(core, { ...each, id: `${run}/${n}` })
            : retrieveRequest(each.id, 1),
        );
        for (const [index, server] of servers.entries()) {
          const figures = run < 0 ? new Measured() : measured[index]!;
          await figures.run(clients, server, path, { requests, inFlight, tokens });
        }
      }
      for (const [index, { kind }] of servers.entries())
        rows.push([what, kind, ...measured[index]!.cells(measured[0]!)]);
    }
    printTable(
      `TLS, token and metrics: ${corpus.name}, ${inFlight} in flight, on ${availableParallelism()} processors that the ` +
        `clients use as well; ${runs} interleaved runs after ${warmUps} to warm up, median (lowest to highest)`,
      ['', 'server', ...measuredColumns],
      rows,
    );
  });
}
