import { parseArgs } from 'node:util';
import { connect } from '../src/client/index.js';
import { loadCore } from '../src/core/index.js';
import { loadCorpus, tokenCount, type BenchConversation, type BenchMessage } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { LoadClients } from './lib/load.js';
import { printTable, short } from './lib/table.js';
import { callsOf } from './serve/corpora.js';
import { storeAll } from './serve/retrieval.js';
import { withServer } from './serve/servers.js';

/**
 * Measures the size of a vault in which each call repeats the history before it, beside the conversations
 * themselves. `--corpus RUNS`, and `--calls FILE` for a log of calls about the same conversations; without
 * one, the calls are made from the conversations.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const options = { corpus: { type: 'string' }, calls: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...argv], options });
  const runs = values.corpus === undefined ? await generatedCorpus() : await loadCorpus(values.corpus);
  const calls = values.calls === undefined ? callsOf(runs) : await loadCorpus(values.calls);
  const shared = sharedRuns(runs.conversations, calls.conversations);
  const rows: string[][] = [];
  let ofRuns: number | undefined;
  for (const [what, conversations] of [
    ['the runs', shared.runs],
    ['their calls, of each what its run says too', shared.parts],
    ['their calls, whole', shared.calls],
  ] as const) {
    const { inUseBytes, uniqueTokens } = await stored(conversations);
    ofRuns ??= inUseBytes;
    rows.push([
      what,
      String(conversations.length),
      short(tokenCount(conversations)),
      short(uniqueTokens),
      short(inUseBytes),
      (inUseBytes / ofRuns).toFixed(3),
    ]);
  }
  printTable(
    `repeats: ${calls.name} and the ${shared.runs.length} runs of ${runs.name} that they are about`,
    ['', 'conversations', 'tokens', 'unique tokens', 'bytes in use', 'of the first'],
    rows,
  );
}

/**
 * Finds by content the conversation of each call: the one that shares at least half of the call's content.
 */
function sharedRuns(runs: readonly BenchConversation[], calls: readonly BenchConversation[]) {
  const says = runs.map(({ messages }) => new Set(messages.map(keyOf)));
  const about = calls.flatMap((call) => {
    const counts = says.map((said) => call.messages.filter((message) => said.has(keyOf(message))).length);
    const most = Math.max(...counts);
    return 2 * most >= call.messages.length ? [{ call, run: counts.indexOf(most) }] : [];
  });
  return {
    runs: runs.filter((_, index) => about.some(({ run }) => run === index)),
    calls: about.map(({ call }) => call),
    parts: about.map(({ call, run }) => {
      return { ...call, messages: call.messages.filter((message) => says[run]!.has(keyOf(message))) };
    }),
  };
}

function keyOf({ role, words }: BenchMessage): string {
  return `${role} ${Buffer.from(words.buffer, words.byteOffset, words.length).toString('latin1')}`;
}

async function stored(conversations: readonly BenchConversation[]) {
  const core = await loadCore();
  const clients = new LoadClients(1);
  try {
    return await withServer('stowken', async (server) => {
      await storeAll(core, clients, server, { name: '', conversations });
      const client = connect({ server: server.address });
      const stats = await client.stats();
      client.close();
      return stats;
    });
  } finally {
    clients.stop();
  }
}
