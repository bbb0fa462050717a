import { availableParallelism } from 'node:os';
import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import type { LoadClients } from '../lib/load.js';
import { median, printTable, ratio, short, spread } from '../lib/table.js';
import { retrievePath, retrieveRequest, storePath, storeRequest } from '../lib/wire.js';
import { Measured, soMany, warmUps } from './measured.js';
import { storeAll, withServers } from './retrieval.js';

const runs = 5;
const inFlight = 64;
/** Calls of each round: enough for a second or two. */
const calls = 3000;

/** Measures two workers against one process, under the same load. */
export async function measureWorkers(core: TokenCore, clients: LoadClients, corpus: Corpus): Promise<void> {
  await withServers(['stowken, 2 workers', 'stowken, one process'], async (servers) => {
    for (const server of servers) await storeAll(core, clients, server, corpus);
    const conversations = soMany(corpus.conversations, calls);
    const tokens = tokenCount(conversations);
    const rows: string[][] = [];
    const loads = [
      ['retrieval', retrievePath, () => conversations.map(({ id }) => retrieveRequest(id, 1))],
      [
        'stores of what is stored, under new ids',
        storePath,
        (run: number) => conversations.map((each, n) => storeRequest(core, { ...each, id: `${run}/${n}` })),
      ],
    ] as const;
    for (const [what, path, requestsOf] of loads) {
      const measured = servers.map(() => new Measured());
      for (let run = -warmUps; run < runs; run++) {
        const requests = requestsOf(run);
        for (const [index, server] of servers.entries()) {
          const figures = run < 0 ? new Measured() : measured[index]!;
          await figures.run(clients, server, path, { requests, inFlight, tokens });
        }
      }
      for (const [index, { kind }] of servers.entries())
        rows.push([what, kind, ...cells(measured[index]!, measured[0]!)]);
    }
    printTable(
      `workers: ${corpus.name}, ${inFlight} in flight, on ${availableParallelism()} processors that the clients use as well; ` +
        `${runs} interleaved runs after ${warmUps} to warm up, median (lowest to highest)`,
      ['', 'server', ...columns],
      rows,
    );
  });
}

const columns = [
  'conversations',
  '2 workers / it',
  'CPU of the server, a call',
  '2 workers / it',
  'CPU of the clients, a call',
  'processors that the server used',
  'the clients',
] as const;

/**
 * `two` has the figures of two workers. Processor time that neither server nor clients use is idle or taken
 * by others.
 */
function cells(measured: Measured, two: Measured): string[] {
  const serverUs = serverUsOf(measured);
  const used = (us: readonly number[]) =>
    short(median(us.map((each, run) => (each * measured.rates[run]!) / 1e6)));
  const toTwo = (a: readonly number[], b: readonly number[]) => (measured === two ? '' : ratio(a, b));
  return [
    spread(measured.rates, '/s'),
    toTwo(two.rates, measured.rates),
    spread(serverUs, 'us'),
    toTwo(serverUsOf(two), serverUs),
    `${short(median(measured.clientUs))} us`,
    used(serverUs),
    used(measured.clientUs),
  ];
}

function serverUsOf({ callsPerCpuSecond }: Measured): number[] {
  return callsPerCpuSecond.map((calls) => 1e6 / calls);
}
