import { createLiveCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import type { ConversationSpec, MessageRecord } from '../src/model/index.js';
import { openLmdbBackend, type ManagedBackend, type NewSegment } from '../src/storage/index.js';
import { bytesWritten, timedTurns } from './lib/measure.js';
import { median, printTable, short } from './lib/table.js';
import { inFolder } from './storage-changes.js';

const longMessages = 200_000;
const tokensEach = 25;
const batch = 10_000;
const turns = [10, 1_000, 100_000];
const appends = 60;
const forks = 100;

/** Measures turns, forks, seeks and one put in a conversation of 200,000 messages, 5 million tokens. */
export async function measureHistories(): Promise<void> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const segmentOf = (n: number): NewSegment => {
    const run = core.fromTokens(
      Uint32Array.from({ length: tokensEach }, (_, i) => (n * 31 + i * 7) % 200_000),
    );
    return { hash: core.hash(run.varints), tokenCount: run.tokenCount, frame: codec.encode(run) };
  };
  await inFolder(async (folder) => {
    const backend = await openLmdbBackend({ folder, codec, clock: Date.now });
    const messages: MessageRecord[] = [];
    for (let at = 0; at < longMessages; at += batch) {
      const segments = Array.from({ length: batch }, (_, index) => segmentOf(at + index));
      await backend.commit({ newSegments: segments });
      messages.push(...segments.map(messageOf));
    }
    await measureAppends(backend, messages, segmentOf);
    const rows: string[][] = [];
    const row = (what: string, { ms, longestTurnMs }: { ms: number; longestTurnMs: number }, note = '') =>
      rows.push([what, `${short(ms)} ms`, `${short(longestTurnMs)} ms`, note]);
    const growth = async (work: () => Promise<unknown>) => {
      const before = await backend.stats();
      const timed = await timedTurns(work);
      const after = await backend.stats();
      return { ...timed, note: `${short(after.inUseBytes - before.inUseBytes)} bytes more in use` };
    };
    const put = await growth(() => backend.commit(putting('long', messages)));
    row('one put of all, which were garbage until then', put, put.note);
    const again = await timedTurns(() => backend.commit(putting('long', messages)));
    row('the same once more', again);
    const forked = await growth(async () => {
      for (let n = 0; n < forks; n++) {
        const messageCount = longMessages - 997 * n;
        const fork = { id: 'long', newId: `fork/${n}`, messageCount, timeMs: Date.now() };
        await backend.commit({ fork });
      }
    });
    row(`${forks} forks, one after the other`, forked, forked.note);
    row('seek to the middle, by message', await timedTurns(() => seek(backend, () => longMessages / 2)));
    const middle = (longMessages * tokensEach) / 2;
    const byToken = await timedTurns(() =>
      seek(backend, async (found) => (await found.locate(middle)).message),
    );
    row('seek to the middle, by token', byToken);
    const deleted = await growth(() => backend.commit({ delete: { id: 'long', timeMs: Date.now() } }));
    row('delete of the first, which the forks share', deleted, deleted.note);
    printTable(
      `storage: ${longMessages} messages of ${tokensEach} tokens in one conversation`,
      ['', 'takes', 'longest turn of the event loop', ''],
      rows,
    );
    const violations = await backend.check();
    await backend.close();
    if (violations.length > 0) throw new Error(`the vault is damaged: ${JSON.stringify(violations[0])}`);
  });
}

/** Measures durable appends of one new message each, to conversations of several lengths in turn. */
async function measureAppends(
  backend: ManagedBackend,
  messages: readonly MessageRecord[],
  segmentOf: (n: number) => NewSegment,
): Promise<void> {
  for (const turn of turns) await backend.commit(putting(`turn/${turn}`, messages.slice(0, turn)));
  const costs = turns.map(() => ({ ms: [] as number[], bytes: [] as number[] }));
  for (let n = 0; n < appends; n++) {
    for (const [index, turn] of turns.entries()) {
      const segment = segmentOf(longMessages + n * turns.length + index);
      const append = { id: `turn/${turn}`, messages: [messageOf(segment)], timeMs: Date.now() };
      const bytesBefore = bytesWritten();
      const started = performance.now();
      await backend.commit({ newSegments: [segment], append });
      costs[index]!.ms.push(performance.now() - started);
      costs[index]!.bytes.push(bytesWritten() - bytesBefore);
    }
  }
  const rows = turns.map((turn, index) => {
    const { ms, bytes } = costs[index]!;
    const ofFirst = [median(ms) / median(costs[0]!.ms), mean(bytes) / mean(costs[0]!.bytes)];
    return [
      `turn ${turn + 1}`,
      `${short(median(ms))} ms`,
      `${short(mean(bytes))} bytes`,
      ofFirst.map((each) => each.toFixed(2)).join(' and '),
    ];
  });
  printTable('storage: one message more, durable', ['', 'median', 'written, mean', 'of the first'], rows);
}

/** Reads a hundred messages from `position` on. */
async function seek(
  backend: ManagedBackend,
  position: (
    found: NonNullable<Awaited<ReturnType<ManagedBackend['openConversation']>>>,
  ) => number | Promise<number>,
): Promise<void> {
  const found = await backend.openConversation('long');
  if (!found) throw new Error('the conversation is gone');
  let read = 0;
  for (const { segments } of await found.read(await position(found), 100)) {
    if (segments.length === 1) read += 1;
  }
  found.release();
  if (read !== 100) throw new Error(`${read} messages were read`);
}

function putting(id: string, messages: readonly MessageRecord[]) {
  const spec: ConversationSpec = {
    id,
    application: 'bench',
    model: '',
    tokenizer: '',
    parentId: '',
    expireTimeMs: undefined,
    metadata: {},
  };
  return { put: { spec, messages, expect: { kind: 'absentOrSame' as const }, timeMs: Date.now() } };
}

function messageOf({ hash, tokenCount }: NewSegment, index = 0): MessageRecord {
  const role = index % 2 === 0 ? 'user' : 'assistant';
  return { role, name: '', toolCallId: '', segments: [{ hash, tokenCount }] };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
