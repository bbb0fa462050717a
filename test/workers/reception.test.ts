import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/model/index.js';
import { Reception, type Receiver } from '../../src/workers/reception.js';

const longMs = 10 * limits.connectionWaitMs;

/** A worker that takes what it is given. */
function receiver(isReady: boolean) {
  const taken: Socket[] = [];
  const give = (connection: Socket) => void taken.push(connection);
  return { taken, each: { isReady, isPromising: isReady, connections: 0, give } satisfies Receiver };
}

describe('connections that no worker takes yet', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('wait while the workers start, and are given out when they serve', () => {
    const reception = new Reception();
    const early = new Socket();
    reception.accept(early, 'grpc');
    vi.advanceTimersByTime(longMs);
    expect(early.destroyed).toBe(false);
    const { taken, each } = receiver(true);
    reception.add(each);
    reception.begin();
    expect(taken).toEqual([early]);
    reception.close();
  });

  it('are closed if no worker can take them later, or the start fails', () => {
    const reception = new Reception();
    reception.add(receiver(false).each);
    reception.begin();
    const late = new Socket();
    reception.accept(late, 'grpc');
    vi.advanceTimersByTime(limits.connectionWaitMs - 1);
    expect(late.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(late.destroyed).toBe(true);
    const failing = new Reception();
    const early = new Socket();
    failing.accept(early, 'grpc');
    failing.close();
    expect(early.destroyed).toBe(true);
  });
});
