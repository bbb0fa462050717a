import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/model/index.js';
import { enterLarge } from '../../src/rpc/calls/large-requests.js';
import { Arrivals, ArrivalTurn } from '../../src/rpc/intake/arrivals.js';
import type { Vault } from '../../src/vault/index.js';
import { frame } from './support/http2.js';
import { eventually, HANG_MS } from '../support/wait.js';
import { answers, connect, endAfterEach, start, store, storePath, told } from './support/intake.js';

endAfterEach();

describe('large requests', () => {
  it('are worked on a few at a time, and let small ones pass', async () => {
    const ends: (() => void)[] = [];
    const storing: Vault['store'] = () =>
      new Promise((_, reject) => ends.push(() => reject(new Error('ended'))));
    await start({}, { store: storing });
    const calls = Array.from({ length: limits.largeRequestsMax + 2 }, () => {
      const call = connect().begin(storePath);
      call.stream.end(frame(store(limits.largeRequestBytesMin)));
      return call;
    });
    await eventually(() => expect(ends).toHaveLength(limits.largeRequestsMax));
    const small = connect().begin(storePath);
    small.stream.end(frame(store(100)));
    await eventually(() => expect(ends).toHaveLength(limits.largeRequestsMax + 1));
    for (let calls = 0; calls < 20; calls++) await answers();
    expect(ends).toHaveLength(limits.largeRequestsMax + 1);
    // Each that ends makes room for the next.
    for (let next = 0; next < calls.length + 1; next++) {
      await eventually(() => expect(ends.length).toBeGreaterThan(next));
      ends[next]!();
    }
    for (const { status: answer } of [...calls, small]) {
      expect((await answer)['grpc-status']).toBe(String(status.INTERNAL));
    }
  });
});

describe('large requests that arrive', () => {
  const turns = Array.from({ length: limits.largeArrivalsMax });
  /** Begins a store of which all but the last byte is sent, on a connection of its own. */
  const begun = () => {
    const { stream, status: answer } = connect().begin(storePath);
    const all = frame(store(limits.largeRequestBytesMin));
    stream.write(all.subarray(0, -1));
    return { answer, stream, finish: () => stream.end(all.subarray(-1)) };
  };

  it('have turns: one too many is refused before it takes memory, and small ones pass', async () => {
    await start({ waitMs: 1 });
    // Connections race: any one of them may be the last.
    const refused = await Promise.race([...turns, undefined].map(() => begun().answer));
    expect(told(refused)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'OVERLOADED',
      metadata: { limit: String(limits.largeArrivalsMax), waited_ms: '1' },
    });
    await answers();
  });

  it('wait for those before them, whose slow clients hold them up for no more than a turn', async () => {
    let stored = 0;
    const storing: Vault['store'] = () => {
      stored += 1;
      return Promise.reject(new Error('ended'));
    };
    await start({}, { store: storing });
    const slow = turns.map(begun);
    const next = begun();
    next.finish();
    expect((await next.answer)['grpc-status']).toBe(String(status.INTERNAL));
    expect(stored).toBe(1);
    // A turn that is over cuts nobody off.
    for (const { finish } of slow) finish();
    for (const { answer } of slow) expect((await answer)['grpc-status']).toBe(String(status.INTERNAL));
  });

  it('keep their places while they are worked on, so that few are in memory', async () => {
    let working = 0;
    let end = (): void => undefined;
    const ended = new Promise<never>((_, no) => (end = () => no(new Error('ended'))));
    const storing: Vault['store'] = () => {
      working += 1;
      return ended;
    };
    await start({ waitMs: 1 }, { store: storing });
    const taken = turns.map(begun);
    for (const { finish } of taken) finish();
    await expect.poll(() => working, { timeout: HANG_MS }).toBe(limits.largeRequestsMax);
    expect(told(await begun().answer)).toMatchObject({ reason: 'OVERLOADED' });
    end();
    for (const { answer } of taken) expect((await answer)['grpc-status']).toBe(String(status.INTERNAL));
    await answers();
  });

  it('give their turns back when they are cancelled, also while they wait', async () => {
    const arrivals = new Arrivals({ waitMs: HANG_MS, turnMs: HANG_MS });
    const turnOf = (usedBytes: number) => new ArrivalTurn(arrivals, { usedBytes });
    const enter = (turn: ArrivalTurn) => new Promise<void>((entered, no) => turn.begin(1, entered, no));
    const first = turns.map((_, index) => turnOf(index));
    await Promise.all(first.map(enter));
    const cancelled = turnOf(0);
    const never = (): never => expect.unreachable();
    cancelled.begin(1, never, never);
    expect(cancelled.waiting).toBe(true);
    const next = turnOf(0);
    const entered = enter(next);
    cancelled.end();
    expect(cancelled.waiting).toBe(false);
    first[0]!.end();
    await entered;
    for (const turn of [...first, next]) turn.end();
  });
});

describe('a large request that waits for its turn', () => {
  afterEach(() => void vi.useRealTimers());

  it(`is refused as OVERLOADED after ${limits.largeRequestWaitMs / 1000} s, with both numbers`, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { signal } = new AbortController();
    const enter = (client: string) => enterLarge(limits.largeRequestBytesMin, client, signal);
    const working = await Promise.all(Array.from({ length: limits.largeRequestsMax }, () => enter('a')));
    const late = expect(enter('b')).rejects.toMatchObject({
      reason: 'OVERLOADED',
      metadata: { size: String(limits.largeRequestBytesMin), limit: String(limits.largeRequestsMax) },
    });
    vi.advanceTimersByTime(limits.largeRequestWaitMs);
    await late;
    // It has left the queue, and takes no slot.
    for (const end of working) end();
    for (const end of await Promise.all(working.map(() => enter('c')))) end();
  });
});
