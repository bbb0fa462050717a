import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCore } from '../src/core/index.js';
import { corpusFiles, loadCorpus, tokenCount, type Corpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { timed } from './lib/measure.js';
import { startProcess, type ServerProcess } from './lib/processes.js';
import { printTable, ratio, short, spread } from './lib/table.js';
import { RawClient, retrievePath, retrieveRequest, storePath, storeRequest } from './lib/wire.js';

const runs = 5;
const storesInFlight = 32;
const longMessages = 8;
const longMessageBytes = 2 * 1024 * 1024;
const { resolve } = createRequire(import.meta.url);

/** Stores and retrieval through the server, beside a bare grpc-js server that streams from memory. */
export async function run(argv: readonly string[]): Promise<void> {
  const files = corpusFiles(argv);
  const corpora = files.length > 0 ? await Promise.all(files.map(loadCorpus)) : [await generatedCorpus()];
  for (const corpus of corpora) {
    await measure(corpus);
    await measure(longConversation(corpus));
  }
}

/** All tokens of a corpus, over and over, as one conversation of few and long messages. */
function longConversation({ name, conversations }: Corpus): Corpus {
  const all = conversations.flatMap(({ messages }) => messages.map(({ words }) => words));
  const words = Buffer.concat(all).subarray(0, longMessageBytes);
  const message = { role: 'user', name: '', toolCallId: '', words };
  const messages = Array.from({ length: longMessages }, (_, i) => {
    // Each begins with a token of its own, so that no message is another's duplicate.
    return {
      ...message,
      words: Buffer.concat(
        [Uint32Array.of(i), words].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)),
      ),
    };
  });
  return {
    name: `${name} as one long conversation`,
    conversations: [{ id: 'long', application: 'bench', model: '', tokenizer: 'o200k_base', messages }],
  };
}

async function measure(corpus: Corpus): Promise<void> {
  const core = await loadCore();
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const server = await startProcess(resolve('#build/src/main.js'), [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error'],
  ]);
  const bare = await startProcess(resolve('#build/bench/peers/bare-server.js'), []);
  const client = new RawClient(server.address);
  const peer = new RawClient(bare.address);
  try {
    const stores = await measureStores(core, client, corpus);
    const memoryAfterStores = server.peakMemoryBytes();
    const tokens = tokenCount(corpus.conversations);
    printTable(
      `stores: ${corpus.name}, ${corpus.conversations.length} conversations, ${short(tokens)} tokens, ` +
        `${storesInFlight} in flight, durable; ${runs} runs, median (lowest to highest)`,
      ['conversations', 'tokens', 'peak memory of the server'],
      [
        [
          spread(stores, 'conversations/s'),
          spread(
            stores.map((rate) => (rate / corpus.conversations.length) * tokens),
            'tokens/s',
          ),
          `${short(memoryAfterStores)}B`,
        ],
      ],
    );
    await measureRetrieval(client, peer, server, corpus);
  } finally {
    client.close();
    peer.close();
    await Promise.all([server.stop(), bare.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** Conversations/s, each run under ids of its own: the first stores new segments, the others find them stored. */
async function measureStores(
  core: Awaited<ReturnType<typeof loadCore>>,
  client: RawClient,
  corpus: Corpus,
): Promise<number[]> {
  const rates: number[] = [];
  for (let run = 0; run < runs; run++) {
    const requests = corpus.conversations.map((conversation) =>
      storeRequest(core, { ...conversation, id: idOfRun(conversation.id, run) }),
    );
    const seconds = await timed(requests, storesInFlight, (request) => client.unary(storePath, request));
    rates.push(requests.length / seconds);
  }
  return rates;
}

const idOfRun = (id: string, run: number) => `${run}/${id}`;

/** Each conversation is streamed by the server, then by the peer in messages of the very same sizes. */
async function measureRetrieval(
  client: RawClient,
  peer: RawClient,
  server: ServerProcess,
  corpus: Corpus,
): Promise<void> {
  const tokens = tokenCount(corpus.conversations);
  const rows: string[][] = [];
  for (const [label, encoding] of [
    ['TOKENS', 1],
    ['LE32', 2],
  ] as const) {
    for (const inFlight of [1, 8]) {
      const ours: number[] = [];
      const theirs: number[] = [];
      let bytes = 0;
      for (let run = 0; run < runs; run++) {
        const requests = corpus.conversations.map(({ id }) => retrieveRequest(idOfRun(id, 0), encoding));
        const streamed: number[][] = [];
        const seconds = await timed(requests, inFlight, async (request) =>
          streamed.push(await client.stream(retrievePath, request)),
        );
        bytes = streamed.flat().reduce((sum, size) => sum + size, 0);
        ours.push(bytes / seconds);
        const sizes = streamed.map((list) => Buffer.from(Uint32Array.from(list).buffer));
        theirs.push(bytes / (await timed(sizes, inFlight, (list) => peer.stream('/peer.Bare/Stream', list))));
      }
      const tokensPerByte = tokens / bytes;
      rows.push([
        label,
        String(inFlight),
        spread(
          ours.map((rate) => rate * tokensPerByte),
          'tokens/s',
        ),
        spread(ours, 'B/s'),
        spread(theirs, 'B/s'),
        ratio(ours, theirs),
      ]);
    }
  }
  printTable(
    `retrieval: ${corpus.name}, whole conversations, beside a bare grpc-js server that streams messages of the ` +
      `same sizes from memory; ${runs} interleaved runs; peak memory of the server ${short(server.peakMemoryBytes())}B`,
    ['encoding', 'in flight', 'tokens', 'stowken', 'bare server', 'stowken / bare'],
    rows,
  );
}
