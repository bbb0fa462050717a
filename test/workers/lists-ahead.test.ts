import { describe, expect, it } from 'vitest';
import type { MessageRecord } from '../../src/model/index.js';
import { type Change, MessagePacker } from '../../src/storage/index.js';
import { spec } from '../contract/support.js';
import {
  type ListPiece,
  ListsAhead,
  sendAhead,
  type SentChange,
} from '../../src/workers/message-list-transfer.js';
import { asHash } from '../support/hashes.js';

/** Value received by the other process. */
const crossed = <T>(sent: T): T => structuredClone(sent);
const messageOf = (n: number): MessageRecord => ({
  role: n % 2 === 0 ? 'user' : 'assistant',
  name: `n${n}`,
  toolCallId: '',
  segments: [{ hash: asHash(n.toString(16).padStart(64, '0')), tokenCount: n }],
});
const messages = (count: number) => Array.from({ length: count }, (_, n) => messageOf(n));
const putOf = (id: string, list: NonNullable<Change['put']>['messages']): Change => ({
  put: {
    spec: spec(id),
    messages: list,
    expect: { kind: 'absentOrSame' },
    timeMs: 1,
  },
});

function packed(count: number) {
  const packer = new MessagePacker();
  for (const message of messages(count)) packer.add(message);
  return packer.finish();
}

async function send(change: Change): Promise<{ pieces: ListPiece[]; sent: SentChange }> {
  const pieces: ListPiece[] = [];
  const sent = await sendAhead(change, async (piece) => void pieces.push(crossed(piece)));
  return { pieces, sent: crossed(sent) };
}

describe('the list of messages of a change that crosses to the process that writes', () => {
  it.each([0, 1, 3000, 20_000])('is there again, with %d messages', async (count) => {
    const { pieces, sent } = await send(putOf('a', packed(count)));
    expect(pieces.length > 0).toBe(count === 20_000);
    const lists = new ListsAhead();
    for (const piece of pieces) lists.add(piece);
    const list = lists.whole(sent).put!.messages;
    expect(list).toHaveLength(count);
    expect([...list]).toEqual(messages(count));
  });

  it('keeps apart from one that crosses meanwhile', async () => {
    const one = await send(putOf('one', packed(20_000)));
    const other = await send(putOf('other', packed(30_000)));
    const lists = new ListsAhead();
    for (const [n, piece] of other.pieces.entries())
      for (const next of [piece, ...one.pieces.slice(n, n + 1)]) lists.add(next);
    expect([...lists.whole(other.sent).put!.messages]).toEqual(messages(30_000));
    expect([...lists.whole(one.sent).put!.messages]).toEqual(messages(20_000));
  });

  it('goes with the change where it is not packed; so does all else', async () => {
    const change = { ...putOf('a', messages(5)), deleteSegments: [asHash('00')] };
    const { pieces, sent } = await send(change);
    expect(pieces).toEqual([]);
    expect(new ListsAhead().whole(sent)).toEqual(change);
    const removal = { delete: { id: 'a', timeMs: 1 } };
    expect(new ListsAhead().whole((await send(removal)).sent)).toEqual(removal);
  });
});
