import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import { generatedCorpus } from '../lib/generated.js';
import type { LoadClients } from '../lib/load.js';
import { printTable, short } from '../lib/table.js';
import { RawClient, retrievePath, retrieveRequest, storePath, storeRequest } from '../lib/wire.js';
import { compilingCalls, inFlights, Measured, measuredColumns, soMany, someOf, warmUps } from './measured.js';
import { withServer, type ServerKind, type StartedServer } from './servers.js';

const runs = 5;
/** Calls in flight of first reads. */
const coldInFlight = 64;
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
  const others = othersOf(await generatedCorpus());
  await withServers(storing, async (servers) => {
    for (const server of servers) await storeAll(core, clients, server, corpus);
    await storeAll(core, clients, servers[0]!, others);
    await withServer('bare grpc-js', async (bare) => {
      for (const encoding of encodings)
        await measureEncoding(clients, [...servers, bare], { corpus, others }, encoding);
    });
  });
}

/** Names the conversations otherwise than a corpus does that is measured. */
function othersOf({ name, conversations }: Corpus): Corpus {
  return { name, conversations: conversations.map((each) => ({ ...each, id: `warm-up/${each.id}` })) };
}

function pathTo({ kind }: StartedServer): string {
  return kind === 'bare grpc-js' ? barePath : retrievePath;
}

async function measureEncoding(
  clients: LoadClients,
  servers: readonly StartedServer[],
  { corpus, others }: { readonly corpus: Corpus; readonly others: Corpus },
  [name, encoding]: (typeof encodings)[number],
): Promise<void> {
  const stowken = servers[0]!;
  const compiling = soMany(others.conversations, compilingCalls.retrievals);
  await clients.run(
    stowken.address,
    retrievePath,
    compiling.map(({ id }) => retrieveRequest(id, encoding)),
    8,
  );
  const first = await measureAll(clients, stowken, corpus, ({ id }) => retrieveRequest(id, encoding));
  const { sizes, responseBytes } = await messageSizes(stowken, corpus, encoding);
  const requestsTo = ({ kind }: StartedServer, conversations: Corpus['conversations']) =>
    conversations.map(({ id }) => (kind === 'bare grpc-js' ? sizes.get(id)! : retrieveRequest(id, encoding)));
  for (const server of servers) {
    const requests = requestsTo(server, soMany(corpus.conversations, compilingCalls.retrievals));
    await clients.run(server.address, pathTo(server), requests, 8);
  }
  const bare = servers.at(-1)!;
  const bareFirst = await measureAll(clients, bare, corpus, ({ id }) => sizes.get(id)!);
  const all = `${corpus.conversations.length} conversations, each for the first time`;
  const rows = [
    [`${stowken.kind}, ${all}`, String(coldInFlight), ...first.cells(first)],
    [`${bare.kind}, as many`, String(coldInFlight), ...bareFirst.cells(first)],
  ];
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

/**
 * Measures every conversation once. A stowken that has not read it before has to decode it: it caches recent
 * reads.
 */
async function measureAll(
  clients: LoadClients,
  server: StartedServer,
  { conversations }: Corpus,
  requestOf: (conversation: Corpus['conversations'][number]) => Buffer,
): Promise<Measured> {
  const requests = conversations.map(requestOf);
  const measured = new Measured();
  const load = { requests, inFlight: coldInFlight, tokens: tokenCount(conversations) };
  await measured.run(clients, server, pathTo(server), load);
  return measured;
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
