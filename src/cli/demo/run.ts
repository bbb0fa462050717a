import { connect, type StowkenClient } from '../../client/index.js';
import { formatBytes, formatCount, formatRate, plural } from '../format.js';
import { WeightedSemaphore } from '../concurrency.js';
import { checkSameSegments, checkText, checkTokens, readBack, type ReadBack, type Report } from './check.js';
import { type DemoConversation, makeConversations } from './conversations.js';

const storesUnderWay = 32;
const readsUnderWay = 16;

/** Stores conversations on a server, reads them back, checks every token and prints the sizes. */
export async function runDemo(
  server: string,
  seed: number,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const conversations = makeConversations(seed);
  const jsonBytes = conversations.reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(each)) + 1, 0);
  const messages = conversations.reduce((sum, each) => sum + each.messages.length, 0);
  await report.step('made', `${figures(conversations, messages)}, ${formatBytes(jsonBytes)} of JSON`);

  const client = connect({ server, signal });
  try {
    await timed(() => storeAll(client, conversations)).then(({ value: tokens, ms }) =>
      report.step('stored', `${formatCount(tokens)} tokens of text in ${inSeconds(ms)}: ${rate(tokens, ms)}`),
    );
    const stats = await client.stats();
    const { value: readBacks, ms } = await timed(() => readAll(client, conversations));
    await report.step('read back', `all of it in ${inSeconds(ms)}: ${rate(stats.tokens, ms)}`);
    await report.step('checked', await checkAll(client, conversations, readBacks));
    await report.costs(stats, jsonBytes);
  } finally {
    client.close();
  }
}

async function storeAll(client: StowkenClient, conversations: readonly DemoConversation[]): Promise<number> {
  const gate = new WeightedSemaphore(storesUnderWay, Infinity);
  let tokens = 0;
  const store = async ({ messages, ...conversation }: DemoConversation) => {
    const stored = await client.store({
      conversation,
      messages: messages.map(({ role, tool_call_id: toolCallId, content: text }) => ({
        role,
        toolCallId,
        text,
      })),
    });
    tokens += stored.conversation.totalTokens;
  };
  const stores: Promise<void>[] = [];
  for (const conversation of conversations) {
    await gate.enter(0);
    const stored = store(conversation).finally(() => gate.leave(0));
    stored.catch(() => undefined); // The error is thrown below.
    stores.push(stored);
  }
  await Promise.all(stores);
  return tokens;
}

async function readAll(
  client: StowkenClient,
  conversations: readonly DemoConversation[],
): Promise<ReadBack[]> {
  const ids = conversations.map(({ id }) => id);
  const all: ReadBack[] = [];
  while (all.length < ids.length)
    all.push(...(await readBack(client, ids.slice(all.length, all.length + readsUnderWay))));
  return all;
}

async function checkAll(
  client: StowkenClient,
  conversations: readonly DemoConversation[],
  readBacks: readonly ReadBack[],
): Promise<string> {
  let tokens = 0;
  for (const each of readBacks) tokens += await checkTokens(client, each);
  for (const each of conversations) await checkText(client, each);
  await checkSameSegments(client, readBacks[0]!);
  return `every one of ${formatCount(tokens)} tokens by SHA-256, and every text`;
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startMs = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startMs };
}

function figures(conversations: readonly DemoConversation[], messages: number): string {
  const agents = new Set(conversations.map(({ application }) => application)).size;
  return `${plural(conversations.length, 'conversation')} of ${plural(agents, 'agent')}, ${plural(messages, 'message')}`;
}

const inSeconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const rate = (tokens: number, ms: number) => `${formatRate(tokens, ms)} tokens/s`;
