import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import type { LoadClients } from '../lib/load.js';
import { printTable, short } from '../lib/table.js';
import { RawClient, retrievePath, retrieveRequest, storePath, storeRequest } from '../lib/wire.js';
import { compilingCalls, inFlights, Measured, measuredColumns, soMany, someOf, warmUps } from './measured.js';
import { withServer, type ServerKind, type StartedServer } from './servers.js';

const runs = 5;
const barePath = '/peer.Bare/Stream';
const storing: readonly ServerKind[] = ['stowken', 'files, same server', 'gzip JSON in SQLite, same server'];
const encodings = [
  ['TOKENS', 1],
  ['LE32', 2],
] as const;

/**
 * Measures whole conversations, streamed. The bare server streams messages of the very same sizes from
 * memory: the upper limit of its library.
 */
export async function measureRetrieval(core: TokenCore, clients: LoadClients, corpus: Corpus): Promise<void> {
  await withServers(storing, async (servers) => {
    for (const server of servers) await storeAll(core, clients, server, corpus);
    await withServer('bare grpc-js', async (bare) => {
      for (const encoding of encodings) await measureEncoding(clients, [...servers, bare], corpus, encoding);
    });
  });
}

function pathTo({ kind }: StartedServer): string {
  return kind === 'bare grpc-js' ? barePath : retrievePath;
}

async function measureEncoding(
  clients: LoadClients,
  servers: readonly StartedServer[],
  corpus: Corpus,
  [name, encoding]: (typeof encodings)[number],
): Promise<void> {
  const stowken = servers[0]!;
  const rows = [await measureFirst(clients, stowken, corpus, encoding)];
  const { sizes, responseBytes } = await messageSizes(stowken, corpus, encoding);
  const requestsTo = ({ kind }: StartedServer, conversations: Corpus['conversations']) =>
    conversations.map(({ id }) => (kind === 'bare grpc-js' ? sizes.get(id)! : retrieveRequest(id, encoding)));
  for (const server of servers) {
    const requests = requestsTo(server, soMany(corpus.conversations, compilingCalls.retrievals));
    await clients.run(server.address, pathTo(server), requests, 8);
  }
  for (const inFlight of inFlights) {
    const conversations = someOf(corpus.conversations, inFlight);
    const tokens = tokenCount(conversations);
    const expectedBytes = conversations.reduce((sum, { id }) => sum + responseBytes.get(id)!, 0);
    const measured = servers.map(() => new Measured());
    for (let run = -warmUps; run < runs; run++) {
      for (const [index, server] of servers.entries()) {
        const load = { requests: requestsTo(server, conversations), inFlight, tokens };
        const figures = run < 0 ? new Measured() : measured[index]!;
        const { bytes } = await figures.run(clients, server, pathTo(server), load);
        // The length of a header's times varies by a byte or two.
        const isWhole = server.kind.startsWith('gzip') || Math.abs(bytes / expectedBytes - 1) < 0.01;
        if (!isWhole) throw new Error(`${server.kind} gave ${bytes} bytes, not ${expectedBytes}`);
      }
    }
    for (const [index, { kind }] of servers.entries())
      rows.push([kind, String(inFlight), ...measured[index]!.cells(measured[0]!)]);
  }
  printTable(
    `retrieval: ${corpus.name}, whole conversations as ${name}; ${runs} interleaved runs after ${warmUps} to warm up, ` +
      `median (lowest to highest); peak memory of stowken ${short(stowken.memory().peakBytes)}B`,
    ['server', 'in flight', ...measuredColumns],
    rows,
  );
}

/** Measures every conversation once, in a form that was not read before: stowken caches recent reads. */
async function measureFirst(
  clients: LoadClients,
  stowken: StartedServer,
  { conversations }: Corpus,
  encoding: 1 | 2,
): Promise<string[]> {
  const inFlight = inFlights.at(-1)!;
  const requests = conversations.map(({ id }) => retrieveRequest(id, encoding));
  const measured = new Measured();
  await measured.run(clients, stowken, retrievePath, {
    requests,
    inFlight,
    tokens: tokenCount(conversations),
  });
  return [
    `stowken, ${conversations.length}, each for the first time`,
    String(inFlight),
    ...measured.cells(measured),
  ];
}

/**
 * Returns the sizes of the messages of stowken's answer for each conversation, as a request to the bare
 * server; and their sum on the wire.
 */
async function messageSizes({ address }: StartedServer, { conversations }: Corpus, encoding: 1 | 2) {
  const grpcHeadBytes = 5;
  const sizes = new Map<string, Buffer>();
  const responseBytes = new Map<string, number>();
  const client = new RawClient(address);
  for (const { id } of conversations) {
    const list = await client.stream(retrievePath, retrieveRequest(id, encoding));
    sizes.set(id, Buffer.from(Uint32Array.from(list).buffer));
    responseBytes.set(
      id,
      list.reduce((sum, size) => sum + size + grpcHeadBytes, 0),
    );
  }
  client.close();
  return { sizes, responseBytes };
}

export async function storeAll(
  core: TokenCore,
  clients: LoadClients,
  { address, secure }: StartedServer,
  { conversations }: Corpus,
): Promise<void> {
  await clients.run(
    address,
    storePath,
    conversations.map((each) => storeRequest(core, each)),
    64,
    secure,
  );
}

/** Starts several servers at once; all but the measured one are idle. */
export async function withServers(
  kinds: readonly ServerKind[],
  work: (servers: readonly StartedServer[]) => Promise<void>,
  started: readonly StartedServer[] = [],
): Promise<void> {
  const [kind, ...rest] = kinds;
  if (kind === undefined) return work(started);
  await withServer(kind, (server) => withServers(rest, work, [...started, server]));
}
