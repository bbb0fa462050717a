import { describe, expect, it } from 'vitest';
import { longList, opened, puttingList, statedBy, tokensOf } from './long-lists.js';
import { backendKinds, useBench } from './support.js';
import { messagesOf } from '../support/snapshots.js';

describe.each(backendKinds)('ranges in the %s backend', (kind) => {
  const bench = useBench(kind);
  const list = longList(3000);

  /** Stores a conversation with blocks of several sizes, one of them shared, and a tail. */
  async function fill(): Promise<void> {
    await bench().backend.commit(puttingList('trunk', list.slice(0, 1300)));
    await bench().backend.commit({ fork: { id: 'trunk', newId: 'x', messageCount: 1250, timeMs: 1_000 } });
    for (let at = 1250; at < list.length; at += 35) {
      const messages = list.slice(at, at + 35);
      await bench().backend.commit({ append: { id: 'x', messages, timeMs: 2_000 } });
    }
  }

  it('begin at any message', async () => {
    await fill();
    const snapshot = await opened(bench().backend, 'x');
    for (const from of [0, 1, 249, 250, 499, 500, 501, 1249, 1250, 1251, 2000, 2998, 2999, 3000, 3001, 1e9]) {
      expect(await statedBy(bench().backend, await messagesOf(snapshot, from))).toEqual(list.slice(from));
    }
    snapshot.release();
  });

  it('find the message that has a token', async () => {
    await fill();
    const snapshot = await opened(bench().backend, 'x');
    const starts = [0];
    for (const each of list) starts.push(starts.at(-1)! + tokensOf([each]));
    const total = starts.at(-1)!;
    expect(snapshot.conversation.totalTokens).toBe(total);
    const offsets = [
      0,
      1,
      total - 1,
      ...Array.from({ length: 500 }, (_, n) => Math.floor((n * total) / 500)),
    ];
    for (const [message, start] of starts.slice(0, -1).entries()) if (message % 61 === 0) offsets.push(start);
    for (const offset of offsets) {
      // The last message that begins at or before it; messages without tokens are never the one.
      let message = list.findIndex((_, index) => offset < starts[index + 1]!);
      if (message === -1) message = list.length;
      expect(await snapshot.locate(offset)).toEqual({ message, tokensBefore: starts[message] });
    }
    expect(await snapshot.locate(total)).toEqual({ message: list.length, tokensBefore: total });
    expect(await snapshot.locate(total + 5)).toEqual({ message: list.length, tokensBefore: total });
    snapshot.release();
  });

  it('of an empty conversation are empty', async () => {
    await bench().backend.commit(puttingList('x', []));
    const snapshot = await opened(bench().backend, 'x');
    expect(await messagesOf(snapshot)).toEqual([]);
    expect(await messagesOf(snapshot, 1)).toEqual([]);
    expect(await snapshot.locate(0)).toEqual({ message: 0, tokensBefore: 0 });
    snapshot.release();
  });

  it('can be read several times, and side by side', async () => {
    await fill();
    const snapshot = await opened(bench().backend, 'x');
    const [ones, others] = [[], []] as [unknown[], unknown[]];
    for (let n = 0; n < 1600; n += 16) {
      ones.push(...(await snapshot.read(5 + n, 16)));
      others.push(...(await snapshot.read(1400 + n, 16)));
    }
    expect(ones).toEqual((await messagesOf(snapshot, 5)).slice(0, 1600));
    expect(others).toEqual((await messagesOf(snapshot, 1400)).slice(0, 1600));
    snapshot.release();
  });
});
