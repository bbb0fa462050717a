import { parseArgs } from 'node:util';
import { connect, type StowkenClient } from '../src/client/index.js';
import { createCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import { createTokenizers } from '../src/text/index.js';
import { automatonOf, FOUND } from '../src/vault/search/automaton.js';
import { scanTables, TokenScanner } from '../src/vault/search/token-scanner.js';
import { type Corpus, corpusFiles, loadCorpus, tokenCount } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { LoadClients } from './lib/load.js';
import { printTable, short, spread } from './lib/table.js';
import { storeAll } from './serve/retrieval.js';
import { withServer } from './serve/servers.js';

const runs = 5;
/** Texts that no corpus has, so that all of it is searched. */
const needles = ['a text that nobody ever wrote 7f3a', '無人寫過的文字七三'];
/** Texts that some corpora have often, and others not at all. */
const scanned = [...needles, 'reservation', 'the', '我想'];
/** Frames that are decoded together. */
const framesOfRun = 128;

/** Measures searches of all text, through the server, and what they consist of. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { corpus: { type: 'string', multiple: true } } });
  const files = corpusFiles([...(values.corpus ?? [])]);
  const corpora: Corpus[] = files.length === 0 ? [await generatedCorpus()] : [];
  for (const file of files) corpora.push(await loadCorpus(file));
  const rows: string[][] = [];
  for (const corpus of corpora) rows.push(await measure(corpus));
  printTable(
    `search: a text that nothing has; ${runs} runs, median (lowest to highest)`,
    ['corpus', 'conversations', 'tokens', 'tokens a second', 'tokens a processor second'],
    rows,
  );
  for (const corpus of corpora) await measureParts(corpus);
}

async function measure(corpus: Corpus): Promise<string[]> {
  const core = await loadCore();
  const tokens = tokenCount(corpus.conversations);
  const rates: number[] = [];
  const cpuRates: number[] = [];
  const clients = new LoadClients(1);
  try {
    await withServer('stowken', async (server) => {
      await storeAll(core, clients, server, corpus);
      const client = connect({ server: server.address });
      for (let at = -1; at < runs; at++) {
        const cpuBefore = server.cpuSeconds();
        const seconds = await searched(client, needles[(at + 1) % needles.length]!);
        // The first one loads the tokenizer.
        if (at < 0) continue;
        rates.push(tokens / seconds);
        cpuRates.push(tokens / (server.cpuSeconds() - cpuBefore));
      }
      client.close();
    });
  } finally {
    clients.stop();
  }
  const { length } = corpus.conversations;
  return [
    corpus.name,
    String(length),
    short(tokens),
    ...[rates, cpuRates].map((some) => spread(some, 'tokens/s')),
  ];
}

async function searched(client: StowkenClient, text: string): Promise<number> {
  const begun = performance.now();
  for await (const { hits, unsearched } of client.search(text)) {
    if (hits.length > 0) throw new Error(`somebody wrote ${JSON.stringify(text)}`);
    if (unsearched > 0) throw new Error(`${unsearched} conversations could not be searched`);
  }
  return (performance.now() - begun) / 1000;
}

/** Measures the decoding of distinct frames, and the scan of the tokens, without the server. */
async function measureParts({ name, conversations }: Corpus): Promise<void> {
  const core = await loadCore();
  const codec = createCodec(core);
  const distinct = new Map<string, Uint8Array>();
  for (const { messages } of conversations)
    for (const { words } of messages) distinct.set(Buffer.from(words).toString('latin1'), words);
  const messages = [...distinct.values()];
  const tokens = messages.reduce((sum, words) => sum + words.length / 4, 0);
  const frames = messages.map((words) => codec.encode(core.fromLe32(words)));
  const decoded = () => {
    const all: Uint8Array[] = [];
    for (let at = 0; at < frames.length; at += framesOfRun)
      for (const each of codec.decodeMany(frames.slice(at, at + framesOfRun), 'le32'))
        if (each instanceof Uint8Array) all.push(each);
    return all;
  };
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const spellings = await tokenizers.spellings('o200k_base');
  await tokenizers.close();
  const le32 = decoded();
  const rows = [['frames to tokens', '', cpuRates(tokens, decoded)]];
  for (const needle of scanned) {
    const automaton = automatonOf(Array.from(needle, (character) => [character]));
    const scan = () => {
      const scanner = new TokenScanner(scanTables(automaton, spellings));
      return le32.filter((each) => scanner.scan(each, 0) === FOUND).length;
    };
    rows.push([`scan for ${JSON.stringify(needle)}`, String(scan()), cpuRates(tokens, scan)]);
  }
  printTable(
    `${name}: parts of a search, ${short(tokens)} tokens in ${frames.length} distinct messages`,
    ['part', 'messages with it', 'tokens a second of one core'],
    rows,
  );
}

function cpuRates(tokens: number, work: () => unknown): string {
  const rates = Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return tokens / ((user + system) / 1e6);
  });
  return spread(rates, 'tokens/s');
}
