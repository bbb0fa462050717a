import { tokenCount, type Corpus } from '../lib/corpus.js';
import { percentile } from '../lib/measure.js';
import { median, printTable, short, spread } from '../lib/table.js';
import { retrievePath, retrieveRequest, storePath, storeRequest } from '../lib/wire.js';
import { inFlights, someOf } from '../serve/measured.js';
import type { Bench } from './bench.js';
import { type Cluster, type Kind, kinds, withCluster } from './servers.js';

const runs = 3;
const warmUpStores = 1_500;

interface Figures {
  readonly rates: number[];
  readonly latenciesMs: number[];
  readonly cpuUs: number[];
}

/**
 * Measures stores, each under an id of its own, and retrievals of what was stored, one kind of servers after
 * the other.
 */
export async function measureRates(bench: Bench, corpus: Corpus): Promise<void> {
  const rows: string[][] = [];
  for (const kind of Object.keys(kinds) as Kind[])
    await withCluster(bench.database, kind, async (cluster) =>
      rows.push(...(await rowsOf(bench, cluster, corpus))),
    );
  const order = ['store', 'retrieve'];
  rows.sort((a, b) => order.indexOf(a[0]!) - order.indexOf(b[0]!) || Number(a[1]) - Number(b[1]));
  printTable(
    `postgres: ${corpus.name}, ${corpus.conversations.length} conversations of ` +
      `${short(tokenCount(corpus.conversations) / corpus.conversations.length)} tokens; ${runs} runs, median ` +
      '(lowest to highest); servers, clients and database share the processors',
    ['call', 'in flight', 'servers', 'calls', 'p50 / p99', "servers' CPU a call"],
    rows,
  );
}

async function rowsOf({ core, clients }: Bench, cluster: Cluster, corpus: Corpus): Promise<string[][]> {
  const { conversations } = corpus;
  let stored = 0;
  const stores = (all: Corpus['conversations']) =>
    all.map((each) => storeRequest(core, { ...each, id: `${each.id}/${stored++}` }));
  const warmUp = Array.from({ length: warmUpStores }, (_, n) => conversations[n % conversations.length]!);
  await clients.run(cluster.addresses, storePath, stores(warmUp), 64);
  const first = conversations.map((each) => storeRequest(core, each));
  await clients.run(cluster.addresses, storePath, first, 64);
  const rows: string[][] = [];
  for (const inFlight of inFlights) {
    const some = someOf(conversations, inFlight);
    const calls = [
      ['store', storePath, () => stores(some)],
      ['retrieve', retrievePath, () => some.map(({ id }) => retrieveRequest(id, 1))],
    ] as const;
    for (const [name, path, requestsOf] of calls) {
      const figures: Figures = { rates: [], latenciesMs: [], cpuUs: [] };
      for (let run = 0; run < runs; run += 1) {
        const requests = requestsOf();
        const before = cluster.cpuSeconds();
        const result = await clients.run(cluster.addresses, path, requests, inFlight);
        figures.rates.push(requests.length / result.seconds);
        figures.latenciesMs.push(...result.latenciesMs);
        figures.cpuUs.push((1e6 * (cluster.cpuSeconds() - before)) / requests.length);
      }
      rows.push([name, String(inFlight), cluster.kind, ...cellsOf(figures)]);
    }
  }
  return rows;
}

function cellsOf({ rates, latenciesMs, cpuUs }: Figures): string[] {
  const latency = (percent: number) => short(percentile(latenciesMs, percent));
  return [spread(rates, '/s'), `${latency(50)} / ${latency(99)} ms`, `${short(median(cpuUs))} us`];
}
