import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type StowkenClient } from '../src/client/index.js';
import {
  compareStream,
  MESSAGES,
  messageOf,
  messagesUpTo,
  TOKENS_EACH,
  type History,
} from './lib/long-history.js';
import { MemoryWatch } from './lib/memory-watch.js';
import { startProcess } from './lib/processes.js';
import { printTable, short } from './lib/table.js';

const memoryBytesMax = 400 * 1024 * 1024;
const appends = 100;
const forks = 100;
/** Messages by which each fork is shorter than the one before it. */
const forkStep = 997;
const ranges = 200;
const rangeMessages = 1000;
const rangeTokens = 50_000;
const wholeForks = 5;
const { resolve } = createRequire(import.meta.url);

/**
 * A conversation of 5 million tokens in 200,000 messages: uploaded, appended to, forked, and streamed back in
 * ranges and whole, with every token compared. Fails if one differs; the exit code is an error if the server
 * takes more memory than its limit. `--workers N` measures only a server with N workers.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { workers: { type: 'string' } }, strict: false });
  const counts = values.workers === undefined ? [1, 2] : [Number(values.workers)];
  for (const workers of counts) await measure(workers);
}

async function measure(workers: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const server = await startProcess(resolve('#build/programs/main.js'), [
    ...['serve', '--data', folder, '--listen', '127.0.0.1:0', '--log-level', 'error'],
    ...['--workers', String(workers)],
  ]);
  // Workers share the connections.
  const clients = Array.from({ length: 2 * workers }, () => connect({ server: server.address }));
  const watch = new MemoryWatch(server);
  try {
    const rows: string[][] = [];
    for await (const row of steps(clients, watch)) rows.push(row);
    printTable(
      `histories: ${MESSAGES} messages, ${short(MESSAGES * TOKENS_EACH)} tokens, in one conversation; ` +
        `served by ${workers === 1 ? 'one process' : `${workers} workers and the process that writes`}`,
      ['', 'takes', '', 'memory, at most so far', 'sum of the peaks of its processes'],
      rows,
    );
    // Several processes share pages, which each one's peak includes.
    const most = workers === 1 ? watch.most.peakBytes : watch.most.residentBytes;
    const isHeld = most <= memoryBytesMax;
    process.stdout.write(
      `memory at most ${short(most)}B; the bound of ${short(memoryBytesMax)}B ${isHeld ? 'holds' : 'DOES NOT HOLD'}\n`,
    );
    if (!isHeld) process.exitCode = 1;
  } finally {
    for (const client of clients) client.close();
    watch.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function* steps(clients: readonly StowkenClient[], watch: MemoryWatch): AsyncGenerator<string[]> {
  const clientOf = (n: number) => clients[n % clients.length]!;
  const step = async (what: string, tokens: number, work: () => Promise<unknown>): Promise<string[]> => {
    const started = performance.now();
    await work();
    const seconds = (performance.now() - started) / 1000;
    const { residentBytes, peakBytes } = watch.look();
    const rate = tokens > 0 ? `${short(tokens / seconds)} tokens/s` : '';
    return [what, `${short(seconds)} s`, rate, `${short(residentBytes)}B`, `${short(peakBytes)}B`];
  };
  const wholeTokens = MESSAGES * TOKENS_EACH;
  const long = { id: 'long', shared: MESSAGES, own: [] as number[] };

  yield await step('upload', wholeTokens, () =>
    clientOf(0).upload({ conversation: { id: long.id }, messages: messagesUpTo(MESSAGES) }),
  );
  yield await step('streamed back whole, equal', wholeTokens, () => compareStream(clientOf(1), long));

  yield await step(`${appends} appends of one message, one after the other`, 0, async () => {
    for (let n = 0; n < appends; n++) {
      await clientOf(n).append(long.id, [messageOf(MESSAGES + n)]);
      long.own.push(MESSAGES + n);
    }
  });

  const forked: History[] = Array.from({ length: forks }, (_, n) => ({
    id: `fork/${n}`,
    shared: MESSAGES - forkStep * n,
    own: [2 * MESSAGES + n],
  }));
  yield await step(`${forks} forks, each with a message of its own appended`, 0, async () => {
    for (const [n, { id, shared, own }] of forked.entries()) {
      await clientOf(n).fork(long.id, { newId: id, messageCount: shared });
      await clientOf(n + 1).append(id, own.map(messageOf));
    }
  });

  const all = [long, ...forked];
  const historyOf = (n: number) => all[n % all.length]!;
  const placeOf = (n: number, places: number) => Math.floor((((n * 0.618) % 1) * places) / 1);
  yield await step(
    `${ranges} ranges of ${rangeMessages} messages of all of them, equal`,
    ranges * rangeMessages * TOKENS_EACH,
    async () => {
      for (let n = 0; n < ranges; n++) {
        const history = historyOf(n);
        const messageOffset = placeOf(n, history.shared - rangeMessages);
        await compareStream(clientOf(n), history, { messageOffset, messageLimit: rangeMessages });
      }
    },
  );
  yield await step(
    `${ranges} ranges of ${rangeTokens} tokens of all of them, equal`,
    ranges * rangeTokens,
    async () => {
      for (let n = 0; n < ranges; n++) {
        const history = historyOf(n);
        const tokenOffset = placeOf(n, history.shared * TOKENS_EACH - rangeTokens);
        await compareStream(clientOf(n), history, { tokenOffset, tokenLimit: rangeTokens });
      }
    },
  );
  yield await step('the last thousand messages of each, equal', all.length * 1000 * TOKENS_EACH, async () => {
    for (const [n, history] of all.entries()) {
      const messageOffset = history.shared + history.own.length - 1000;
      await compareStream(clientOf(n), history, { messageOffset });
    }
  });
  yield await step('a stream that breaks half-way and is resumed, equal', wholeTokens, async () => {
    const half = MESSAGES / 2;
    await compareStream(clientOf(0), long, {}, half);
    const { revision } = (await clientOf(1).get(long.id)).conversation;
    await compareStream(clientOf(1), long, { messageOffset: half, ifRevision: revision });
  });
  yield await step(
    `${wholeForks} forks, whole and all at once, equal`,
    forked.slice(0, wholeForks).reduce((sum, { shared }) => sum + shared * TOKENS_EACH, 0),
    () => Promise.all(forked.slice(0, wholeForks).map((history, n) => compareStream(clientOf(n), history))),
  );
  yield await step('a second upload, of the same', wholeTokens, () =>
    clientOf(1).upload({ conversation: { id: 'again' }, messages: messagesUpTo(MESSAGES) }),
  );
  yield await step('verify', 0, async () => {
    for await (const part of clientOf(0).verify()) {
      if (part.kind === 'summary' && part.violations > 0) throw new Error('the vault is damaged');
    }
  });
}
