import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ordinaryIntake, type CallerLimits } from '../../src/rpc/index.js';
import { ByteBudget } from '../../src/rpc/intake/budget.js';
import { Callers } from '../../src/rpc/intake/callers.js';
import type { VaultStats } from '../../src/model/index.js';
import { refusal, TestClient } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

const none: CallerLimits = { callsMax: 1000, uploadsMax: 1000, perSecondMax: 0, burstMax: 0 };
const connection = () => ({ usedBytes: 0 });
const limited = (enter: () => unknown): unknown => {
  try {
    enter();
    return 'taken';
  } catch (error) {
    return error;
  }
};

describe('the calls of one caller', () => {
  it('are limited on all connections together, and uploads among them', () => {
    const callers = new Callers({ ...none, callsMax: 3, uploadsMax: 1 }, 1000);
    const places = [1, 2].map(() => callers.enter('a', connection(), false));
    places.push(callers.enter('a', connection(), true));
    const refused = {
      reason: 'CALLER_LIMIT',
      metadata: { kind: 'calls under way', limit: '3', retry_after_ms: '1000' },
    };
    expect(limited(() => callers.enter('a', connection(), false))).toMatchObject(refused);
    expect(limited(() => callers.enter('b', connection(), true))).toBe('taken');
    places[0]!.leave();
    places[0]!.leave();
    expect(limited(() => callers.enter('a', connection(), true))).toMatchObject({
      reason: 'CALLER_LIMIT',
      metadata: { kind: 'uploads under way', limit: '1' },
    });
    expect(limited(() => callers.enter('a', connection(), false))).toBe('taken');
    expect(limited(() => callers.enter('a', connection(), false))).toMatchObject(refused);
  });

  it('begin at a rate, and so many at once', () => {
    const callers = new Callers({ ...none, perSecondMax: 10, burstMax: 5 }, 1000);
    const taken = (nowMs: number) => {
      let count = 0;
      while (limited(() => callers.enter('a', connection(), false, nowMs)) === 'taken') count += 1;
      return count;
    };
    expect(taken(1000)).toBe(5);
    expect(taken(1050)).toBe(0);
    expect(taken(1100)).toBe(1);
    expect(taken(1300)).toBe(2);
    expect(taken(60_000)).toBe(5);
    expect(limited(() => callers.enter('a', connection(), false, 60_000))).toMatchObject({
      metadata: { kind: 'calls a second', limit: '10', retry_after_ms: '100' },
    });
    // A caller does not get a new allowance by being forgotten.
    expect(taken(120_001)).toBe(5);
    expect(taken(120_001)).toBe(0);
  });

  it('take a part of the budget of bytes, on all connections together', () => {
    const budget = new ByteBudget(1000, 75, 0);
    const callers = new Callers(none, budget.shareBytesMax);
    const [one, two] = [connection(), connection()];
    const a1 = callers.enter('a', one, false).share;
    const a2 = callers.enter('a', two, false).share;
    const b = callers.enter('b', two, false).share;
    expect(budget.tryTake(a1, 500)).toBe(true);
    expect(budget.tryTake(a2, 300)).toBe(false);
    expect(budget.tryTake(a2, 250)).toBe(true);
    expect([one.usedBytes, two.usedBytes, budget.usedBytes]).toEqual([500, 250, 750]);
    let granted = false;
    budget.wait(a2, 100, () => (granted = true));
    expect(budget.tryTake(b, 250)).toBe(true);
    budget.give(b, 250);
    expect(granted).toBe(false);
    budget.give(a1, 500);
    expect(granted).toBe(true);
    budget.give(a2, 350);
    expect([one.usedBytes, two.usedBytes, budget.usedBytes]).toEqual([0, 0, 0]);
  });
});

describe('a server', () => {
  let folder: string;
  let server: TestServer;
  let clients: TestClient[];
  let answer: () => void;
  let gate: Promise<void>;

  async function start(caller: CallerLimits): Promise<void> {
    const tokens = ['a', 'b'].map((token) => ({
      name: `name-${token}`,
      sha256: createHash('sha256').update(token).digest('hex'),
      grants: [{ rights: ['read'], vaults: ['*'] }],
    }));
    const tokenFile = join(folder, 'tokens.json');
    writeFileSync(tokenFile, JSON.stringify({ tokens }));
    gate = new Promise((resolve) => (answer = resolve));
    const stats = async () => {
      await gate;
      return {} as VaultStats;
    };
    const access = { identity: { tokenFile }, openHealth: true, openReflection: false };
    server = await startTestServer({ stats }, { access, intake: { ...ordinaryIntake, caller } });
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowken-callers-'));
    clients = [];
  });
  afterEach(async () => {
    answer();
    for (const client of clients) client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  /** Calls on a connection of its own. */
  const call = async (token: string, method: string): Promise<string | undefined> => {
    const client = new TestClient(server.address);
    clients.push(client);
    return client
      .withToken(token)
      .unary(method, {})
      .then(
        () => undefined,
        (error: unknown) => {
          const { code, reason } = refusal(error);
          expect(code).toBe(status.RESOURCE_EXHAUSTED);
          return reason;
        },
      );
  };

  it('refuses calls of a caller who has too many under way, and none of others', async () => {
    await start({ ...none, callsMax: 2 });
    const waiting = [call('a', 'GetStats'), call('a', 'GetStats')];
    await expect.poll(() => call('a', 'GetCapabilities'), { timeout: 30_000 }).toBe('CALLER_LIMIT');
    expect(await call('b', 'GetCapabilities')).toBeUndefined();
    answer();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    await expect.poll(() => call('a', 'GetCapabilities'), { timeout: 30_000 }).toBeUndefined();
  });

  it('refuses calls of a caller who begins too many', async () => {
    await start({ ...none, perSecondMax: 0.001, burstMax: 3 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => call('a', 'GetCapabilities')));
    expect(outcomes.filter((reason) => reason === undefined)).toHaveLength(3);
    expect(outcomes.filter((reason) => reason === 'CALLER_LIMIT')).toHaveLength(5);
    expect(await call('b', 'GetCapabilities')).toBeUndefined();
  });
});
