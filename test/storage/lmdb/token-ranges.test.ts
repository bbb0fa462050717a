import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConversationFilter,
  type MaintainedBackend,
  openLmdbBackend,
} from '../../../src/storage/index.js';
import { groupOfValue, readDimensions, writeDimensions } from '../../../src/storage/lmdb/lists/dimensions.js';
import { PostingIndexWriter } from '../../../src/storage/lmdb/lists/posting-index.js';
import { tokenClassOf } from '../../../src/storage/lmdb/lists/token-classes.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

describe('classes of token counts', () => {
  const count = fc.oneof(
    fc.nat(300),
    fc.maxSafeNat(),
    fc.tuple(fc.nat(53), fc.integer({ min: -2, max: 2 })).map(([power, by]) => Math.max(0, 2 ** power + by)),
  );

  it('rise with the count', () => {
    fc.assert(
      fc.property(count, count, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(tokenClassOf(less)).toBeLessThanOrEqual(tokenClassOf(more));
      }),
    );
  });

  it('have counts near each other, from 64 on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: Number.MAX_SAFE_INTEGER }), (tokens) => {
        expect(tokenClassOf(Math.ceil(tokens * 1.26))).toBeGreaterThan(tokenClassOf(tokens));
      }),
    );
  });
});

describe('ranges of token counts in the lmdb backend', () => {
  let folder: TemporaryFolder;
  let backend: MaintainedBackend;
  beforeEach(async () => {
    folder = await temporaryFolder();
    await open();
  });

  async function open(): Promise<void> {
    const options = {
      folder: folder.path,
      codec,
      clock: () => 1,
      durability: 'relaxed',
      lock: false,
    } as const;
    backend = await openLmdbBackend({ ...options, unindexedMax: 1 });
  }

  afterEach(async () => {
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await folder.remove();
  });

  /** Stores a conversation of so many tokens. */
  async function store(id: string, tokens: number, metadata = {}): Promise<void> {
    const segment = longSegment(tokens, 1);
    const put = { spec: spec(id, { metadata }), messages: [message('user', segment)], timeMs: 1 };
    await backend.commit({
      newSegments: [segment],
      put: { ...put, expect: { kind: 'revision', revision: 0 } },
    });
  }

  async function page(filter: ConversationFilter, scanLimit: number) {
    const list = () => backend.listConversations({ filter, order: 'newestFirst', limit: 10, scanLimit });
    const { conversations, next } = await list();
    return { ids: conversations.map(({ id }) => id), next };
  }

  it('are found without a look at the others', async () => {
    await store('long', 5000);
    for (let n = 0; n < 200; n++) await store(`short ${n}`, 100);
    await store('longer', 5100);
    for (let n = 200; n < 400; n++) await store(`short ${n}`, 100);
    await expect
      .poll(() => page({ tokensMin: 4990 }, 10))
      .toEqual({ ids: ['longer', 'long'], next: undefined });
    expect(await page({ tokensMin: 120, tokensMax: 5099 }, 10)).toEqual({ ids: ['long'], next: undefined });
  });

  it('are found after a conversation has grown', async () => {
    await store('grows', 10);
    for (let n = 0; n < 200; n++) await store(`short ${n}`, 100);
    const segment = longSegment(5000, 1);
    const messages = [message('user', segment)];
    await backend.commit({ newSegments: [segment], append: { id: 'grows', messages, timeMs: 1 } });
    await expect.poll(() => page({ tokensMin: 4990 }, 10)).toEqual({ ids: ['grows'], next: undefined });
    await expect.poll(() => page({ tokensMax: 70 }, 10)).toEqual({ ids: [], next: undefined });
  });

  it('are right where a vault of before has a label under the number that token counts have', async () => {
    const atLeast = { tokensMin: 4990 };
    for (let n = 0; n < 20; n++) await store(`${n}`, n % 5 === 0 ? 5000 : 100, { user: `u${n % 2}` });
    await backend.close();
    const environment = await Environment.open(folder.path, { sync: false });
    await environment.write(() => {
      const { meta, postings } = environment.tables;
      const label = { id: 31, key: 'user', from: 0, to: 20, dropped: false };
      postings.clear();
      const writer = new PostingIndexWriter(postings);
      for (let n = 0; n < 20; n++) writer.add(groupOfValue(label, `u${n % 2}`), n + 1);
      writer.flush();
      const others = readDimensions(meta).filter(({ id }) => id !== 31);
      writeDimensions(meta, [...others.map((each) => ({ ...each, to: 0 })), label]);
    });
    await environment.close();
    await open();

    const long = ['15', '10', '5', '0'];
    const conditions = [{ field: 'metadata' as const, key: 'user', values: ['u1'], negated: false }];
    const check = async () => {
      expect(await page(atLeast, 1000)).toEqual({ ids: long, next: undefined });
      expect(await page({ tokensMax: 99 }, 1000)).toEqual({ ids: [], next: undefined });
      expect(await page({ ...atLeast, conditions }, 1000)).toEqual({ ids: ['15', '5'], next: undefined });
      expect(await backend.check()).toEqual([]);
    };
    await check();
    await backend.commit({ delete: { id: '19', timeMs: 1 } });
    await check();
    await backend.setLabels!([]);
    await check();
    await store('other', 100);
    // The label has been removed, and token counts are in the index.
    await expect.poll(() => page(atLeast, 4)).toEqual({ ids: long, next: undefined });
    await check();
  });
});
