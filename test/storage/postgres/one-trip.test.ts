import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Database } from '../../../src/storage/postgres/database/database.js';
import type { Row, Statement, Value } from '../../../src/storage/postgres/database/driver.js';
import type { SegmentKey } from '../../../src/storage/index.js';
import { longSegment, message, spec, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { SharedVault } from './support.js';

type Rows = readonly (readonly Row[])[];
const missing = postgresMissing !== undefined;

describe.skipIf(missing).each([1, 4])('a retrieve from %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    // No beat comes between.
    [one, other] = [await vault.open({ beatMs: 600_000 }), await vault.open({ beatMs: 600_000 })];
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  /** Reads a conversation as a retrieve does. Resolves to the hashes of its segments, and the trips. */
  async function retrieve(id: string, tokens = 1_000) {
    const trips = vi.spyOn(Database.prototype, 'queries');
    const alone = vi.spyOn(Database.prototype, 'query');
    const snapshot = await other.openConversation(id, { tokens });
    const messages = await snapshot!.read(0, 1_000);
    const keys: SegmentKey[] = messages.flatMap(({ segments }) => segments.map(({ key }) => key));
    const frames = await snapshot!.readFrames!(keys);
    snapshot!.release();
    // A list of one statement is asked as one by itself.
    const made = alone.mock.calls.length + trips.mock.calls.filter(([asked]) => asked.length > 1).length;
    vi.restoreAllMocks();
    return { hashes: frames.map((frame) => other.codec.hashOf(frame)), trips: made };
  }
  const segments = Array.from({ length: 12 }, (_, n) => longSegment(20, n));
  const hashes = segments.map(({ hash }) => hash);

  it('takes one trip, also of what others stored first and what was appended', async () => {
    const shared = segments.slice(0, 4);
    await one.commit(storing('first', shared));
    await one.commit(storing('second', shared.slice(0, 3)));
    for (const added of segments.slice(4))
      await one.commit({
        newSegments: [added],
        append: { id: 'second', messages: [message('user', added)], timeMs: 2_000 },
      });
    expect(await retrieve('second')).toEqual({
      hashes: [...hashes.slice(0, 3), ...hashes.slice(4)],
      trips: 1,
    });
    // Only the beginning comes with it; the rest is asked for.
    const some = await retrieve('second', 30);
    expect(some.hashes).toEqual([...hashes.slice(0, 3), ...hashes.slice(4)]);
    expect(some.trips).toBeGreaterThan(1);
  });

  it('reads forks, and conversations without messages', async () => {
    await one.commit(storing('x', segments));
    await one.commit(storing('empty', []));
    for (const newId of ['f1', 'f2', 'f3'])
      await one.commit({ fork: { id: 'x', newId, messageCount: 5, timeMs: 2_000 } });
    for (const id of ['f1', 'f2', 'f3']) expect((await retrieve(id)).hashes).toEqual(hashes.slice(0, 5));
    expect(await other.openConversation('none', { tokens: 10 })).toBeUndefined();
    const snapshot = await other.openConversation('empty', { tokens: 10 });
    expect(await snapshot!.read(0, 10)).toEqual([]);
    snapshot!.release();
  });

  it('reads one revision, whatever comes between its statements', async () => {
    await one.commit(storing('x', segments.slice(0, 2)));
    type Queries = (
      this: Database,
      all: readonly (readonly [Statement, readonly Value[]])[],
    ) => Promise<Rows>;
    const asked: Queries = Reflect.get(Database.prototype, 'queries');
    vi.spyOn(Database.prototype, 'queries').mockImplementationOnce(async function (this: Database, all) {
      const heads = await asked.call(this, all.slice(0, 1));
      await one.commit({
        newSegments: segments.slice(4, 6),
        put: {
          spec: spec('x'),
          messages: segments.slice(4, 6).map((each) => message('user', each)),
          expect: { kind: 'revision', revision: 1 },
          timeMs: 3_000,
        },
      });
      return [...heads, ...(await asked.call(this, all.slice(1)))];
    });
    expect((await retrieve('x')).hashes).toEqual(hashes.slice(0, 2));
    expect((await retrieve('x')).hashes).toEqual(hashes.slice(4, 6));
  });
});
