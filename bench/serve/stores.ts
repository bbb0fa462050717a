import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import { generatedCorpus } from '../lib/generated.js';
import type { LoadClients } from '../lib/load.js';
import { printTable, short } from '../lib/table.js';
import { storePath, storeRequest } from '../lib/wire.js';
import { compilingCalls, inFlights, Measured, measuredColumns, someOf } from './measured.js';
import { withServer, type ServerKind } from './servers.js';

const runs = 3;
const kinds: readonly ServerKind[] = ['stowken', 'files, same server', 'gzip JSON in SQLite, same server'];

/**
 * Measures durable stores, each round into a new vault, in which every segment is new at first. Before its
 * round, a server has stored other conversations, so that it is compiled.
 */
export async function measureStores(core: TokenCore, clients: LoadClients, corpus: Corpus): Promise<void> {
  const rows: string[][] = [];
  let memoryBytes = 0;
  const others = (await generatedCorpus()).conversations;
  const rounds = Math.ceil(compilingCalls.stores / others.length);
  const warmUp = Array.from({ length: rounds }, (_, round) =>
    others.map((each) => storeRequest(core, { ...each, id: `warm-up ${round}/${each.id}` })),
  ).flat();
  for (const inFlight of inFlights) {
    const conversations = someOf(corpus.conversations, inFlight);
    const tokens = tokenCount(conversations);
    const requests = conversations.map((each, index) =>
      storeRequest(core, { ...each, id: `${index}/${each.id}` }),
    );
    const measured = new Map<ServerKind, Measured>(kinds.map((kind) => [kind, new Measured()]));
    for (let run = 0; run < runs; run++) {
      for (const [kind, figures] of measured) {
        await withServer(kind, async (server) => {
          await clients.run(server.address, storePath, warmUp, 64);
          await figures.run(clients, server, storePath, { requests, inFlight, tokens });
          if (kind === 'stowken') memoryBytes = Math.max(memoryBytes, server.memory().peakBytes);
        });
      }
    }
    const ours = measured.get('stowken')!;
    for (const [kind, figures] of measured) rows.push([kind, String(inFlight), ...figures.cells(ours)]);
  }
  printTable(
    `stores: ${corpus.name}, durable, each run into a new vault of a warm server; ${runs} interleaved runs, ` +
      `median (lowest to highest); peak memory of stowken ${short(memoryBytes)}B`,
    ['server', 'in flight', ...measuredColumns],
    rows,
  );
}
