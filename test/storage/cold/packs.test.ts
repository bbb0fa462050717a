import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import { compressColumns, decompressColumns } from '../../../src/storage/lmdb/cold/columns.js';
import { countFor, makePacks } from '../../../src/storage/lmdb/cold/make-packs.js';
import { decodeColumns, decodeConversationPack } from '../../../src/storage/lmdb/cold/pack-decoder.js';
import { encodeColumns } from '../../../src/storage/lmdb/cold/pack-encoder.js';
import type { NumberedRecord } from '../../../src/storage/lmdb/cold/pack-forms.js';
import { decodeHead, encodeHead } from '../../../src/storage/lmdb/cold/pack-head.js';
import type { PackRecords } from '../../../src/storage/lmdb/cold/pack-records.js';
import { encodeDirectory } from '../../../src/storage/lmdb/conversations/block-directory.js';
import { encodeHeader } from '../../../src/storage/lmdb/conversations/manifest.js';
import { MessageEncoder } from '../../../src/storage/lmdb/conversations/message-list.js';
import type { BlockId, SegmentId, StringCode } from '../../../src/storage/lmdb/tables/ids.js';
import { sampleOr } from '../../support/sample.js';

const codes: Record<string, number> = { user: 2, assistant: 3, tool: 40, 'gpt-4o': 4, agents: 6, nick: 7 };
const names = { codeOf: (name: string) => codes[name] as StringCode | undefined };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const recordsIn = (pack: PackRecords): NumberedRecord[] =>
  Array.from(pack.numbers, (number, at) => ({ number, record: Buffer.from(pack.at(at)) }));

const name = fc.constantFrom('', 'user', 'assistant', 'tool', 'gpt-4o', 'agents', 'nick', 'of no code');
const text = fc.oneof(name, fc.string({ unit: 'binary', maxLength: 20 }));
const time = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(1_790_000_000_000));
/** A segment has the same tokens wherever it is named. */
const segmentOf = (id: number) => ({ id, tokenCount: id % 5 === 0 ? 1_000_003 * id : id % 97 });
const segment = fc
  .oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
  .map(segmentOf);
const message = fc
  .record({
    role: name,
    name: fc.oneof(fc.constant(''), text),
    toolCallId: fc.oneof(fc.constant(''), text),
    segments: fc.oneof(
      fc.array(segment, { maxLength: 4 }),
      fc.integer({ min: 1, max: 1_000_000 }).map((id) => [segmentOf(id)]),
    ),
    fields: fc.nat(3),
  })
  .map(({ fields, ...each }) => ({ ...each, fieldSegments: Math.min(fields, each.segments.length) }));
const block = fc.record({
  id: fc.integer({ min: 1, max: 1_000 }),
  messages: fc.nat(9),
  tokens: fc.nat(9_999),
});

const record = fc
  .record({
    gap: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 900 })),
    id: text,
    application: name,
    model: text,
    tokenizer: name,
    parentId: fc.oneof(fc.constant(''), text),
    revision: fc.integer({ min: 1, max: 4 }),
    storeTimeMs: time,
    later: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9_999 })),
    createTimeMs: fc.option(fc.integer({ min: -5, max: 2_000_000_000_000 }), { nil: undefined }),
    expireTimeMs: fc.option(fc.integer({ min: -5, max: 2_000_000_000_000 }), { nil: undefined }),
    metadata: fc.dictionary(text, text, { maxKeys: 3 }),
    messages: fc.array(message, { maxLength: 6 }),
    blocks: fc.array(block, { maxLength: 2 }),
    wrong: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  })
  .map(({ gap, messages, blocks, wrong, later, createTimeMs, ...spec }) => {
    const encoder = new MessageEncoder(names);
    for (const each of messages)
      encoder.add(
        each,
        each.segments.map(({ id, tokenCount }) => ({ id: id as SegmentId, tokenCount })),
      );
    const directory = encodeDirectory(blocks.map((each) => ({ ...each, id: each.id as BlockId })));
    const tokens = messages.flatMap(({ segments, fieldSegments }) =>
      segments.slice(0, segments.length - fieldSegments),
    );
    const conversation = {
      ...spec,
      messageCount: messages.length + blocks.reduce((sum, each) => sum + each.messages, 0),
      totalTokens:
        wrong +
        tokens.reduce((sum, { tokenCount }) => sum + tokenCount, 0) +
        blocks.reduce((sum, each) => sum + each.tokens, 0),
      updateTimeMs: spec.storeTimeMs + later,
      createTimeMs: createTimeMs ?? spec.storeTimeMs,
    };
    const directoryBytes = directory.length || undefined;
    const header = encodeHeader({ conversation, directoryBytes, distance: gap }, names);
    return { gap, record: Buffer.concat([header, directory, encoder.finish()]) };
  });

const records = fc.array(record, { minLength: 1, maxLength: 40 }).map((all) => {
  let number = 0;
  return all.map(({ gap, record: bytes }): NumberedRecord => ({ number: (number += gap), record: bytes }));
});

describe('a pack of conversations', () => {
  it('gives every record back, byte by byte', () => {
    fc.assert(
      fc.property(records, (all) => {
        const pack = decodeColumns(encodeColumns(all), all[0]!.number);
        expect(recordsIn(pack)).toEqual(all);
        for (const { number, record: bytes } of all) expect(Buffer.from(pack.get(number)!)).toEqual(bytes);
        expect(pack.get(all.at(-1)!.number + 1)).toBeUndefined();
      }),
      { numRuns: sampleOr(200, 5_000) },
    );
  });

  it('is an error or the same when it is cut off or has another bit', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.nat(), fc.boolean(), async (all, at, isCut) => {
        const joined = Buffer.from(encodeColumns(all));
        const changed = isCut ? joined.subarray(0, at % joined.length) : Buffer.from(joined);
        if (!isCut) changed[(at >> 3) % changed.length]! ^= 1 << (at & 7);
        try {
          decodeColumns(changed, all[0]!.number);
        } catch (error) {
          expect(isStowkenError(error, 'CORRUPT_STORE')).toBe(true);
        }
        const pack = Buffer.from(await compressColumns(encodeColumns(all.slice(0, 3))));
        pack[at % pack.length]! ^= 1 + (at % 255);
        try {
          decodeConversationPack(all[0]!.number, pack);
        } catch (error) {
          expect(isStowkenError(error, 'CORRUPT_STORE')).toBe(true);
        }
      }),
      { numRuns: sampleOr(150, 3_000) },
    );
  });

  it('leaves out what it could not give back', async () => {
    const fine = fc.sample(records, { numRuns: 1, seed: 3 })[0]!;
    const last = fine.at(-1)!.number;
    // A number in more bytes than it needs: no version of this storage has written such a record.
    const strange = { number: last + 1, record: Buffer.of(0x80, 0, 0, 0, 0, 0, 0, 0) };
    const broken = { number: last + 2, record: Buffer.of(0, 9, 1) };
    const { packs, refused } = await makePacks([...fine, strange, broken], { whole: true });
    expect(refused).toEqual([strange, broken]);
    const [pack] = packs;
    expect(pack?.numbers).toEqual(fine.map(({ number }) => number));
    expect(recordsIn(decodeConversationPack(pack!.key, pack!.pack))).toEqual(fine);
  });

  it('has no more records than can be decoded within a moment', () => {
    const one = (number: number) => ({ number, record: Buffer.alloc(100) });
    expect(countFor(Array.from({ length: 2_000 }, (_, at) => one(at + 1)))).toBe(512);
    expect(countFor([{ number: 1, record: Buffer.alloc(200_000) }, one(2)])).toBe(1);
  });

  it('is not made of records that contradict each other', async () => {
    const of = (tokenCount: number) => {
      const encoder = new MessageEncoder(names);
      encoder.add({ role: 'user', name: '', toolCallId: '' }, [{ id: 3 as SegmentId, tokenCount }]);
      return Buffer.concat([Buffer.of(0, 1, 65, 0, 0, 0, 1, tokenCount, 9), encoder.finish()]);
    };
    const all = [5, 6].map((tokens) => ({ number: tokens, record: of(tokens) }));
    expect((await makePacks(all.slice(0, 1), { whole: true })).packs).toHaveLength(1);
    expect(await makePacks(all, { whole: true })).toEqual({ packs: [], refused: all });
  });

  it('says nothing twice: no count of tokens, no list of a fork', () => {
    const encoded = (ids: readonly number[]) => {
      const encoder = new MessageEncoder(names);
      for (const id of ids)
        encoder.add({ role: 'user', name: '', toolCallId: '' }, [
          { id: id as SegmentId, tokenCount: 70_000 },
        ]);
      const conversation = {
        ...{ id: 'id', application: '', model: '', tokenizer: '', parentId: '', expireTimeMs: undefined },
        ...{ metadata: {}, revision: 1, messageCount: ids.length, totalTokens: 70_000 * ids.length },
        ...{ createTimeMs: 9, storeTimeMs: 9, updateTimeMs: 9 },
      };
      const header = encodeHeader({ conversation, directoryBytes: undefined, distance: 1 }, names);
      return Buffer.concat([header, encoder.finish()]);
    };
    const ids = Array.from({ length: 200 }, (_, at) => 5 + 17 * at);
    const once = encodeColumns([{ number: 1, record: encoded(ids) }]).length;
    const twice = encodeColumns([1, 2].map((number) => ({ number, record: encoded(ids) }))).length;
    // A byte each for the head of a message and the way to its segment.
    expect(twice - once).toBeLessThan(2 * ids.length + 30);
  });
});

const GOLDEN_COLUMNS =
  '0204000202040203020203040404040c04000204020202020602060200000200000000000000000000000000000000000000' +
  '000000000000000000010001af01af0100030301612f3132010007050002020000d00f00ac02ac02c801c801c03ec03e0162' +
  '016201047573657201047573657201750175020222df22df292908080006060063616c6c5f3102020300030101011201ac02' +
  '07';
const GOLDEN_PACK =
  '01179600001e076e2ccd462136ff5af07dddf6bfbfdd1d440106d25c284d81a776338186611d90e2f33d1e74727c3cd8c1e4' +
  'db1761402d20ca218f3192b24d84c5a324a46dcf16062814249484f11c9519e7d6f7509d04d2afc1e0f37907baca8bdd7253' +
  'b07e556b2a45d7c6d12195a15e0c2a';

/** Bytes of packs in existing vaults: a change here is a new version of packs. */
describe('the stored bytes', () => {
  const encoder = new MessageEncoder(names);
  encoder.add({ role: 'user', name: 'nick', toolCallId: '' }, [{ id: 9 as SegmentId, tokenCount: 300 }]);
  encoder.add({ role: 'tool', name: '', toolCallId: 'call_1' }, [
    { id: 10 as SegmentId, tokenCount: 7 },
    { id: 9 as SegmentId, tokenCount: 300 },
  ]);
  const conversation = {
    ...{ id: 'a/1', application: 'agents', model: 'gpt-4o', tokenizer: '', parentId: 'b' },
    ...{ expireTimeMs: 5_000, metadata: { user: 'u' }, revision: 2, messageCount: 2, totalTokens: 607 },
    ...{ createTimeMs: 900, storeTimeMs: 1_000, updateTimeMs: 1_300 },
  };
  const tail = encoder.finish();
  const of = (id: string) =>
    Buffer.concat([
      encodeHeader({ conversation: { ...conversation, id }, directoryBytes: undefined, distance: 1 }, names),
      tail,
    ]);
  const all = [
    { number: 7, record: of('a/1') },
    { number: 9, record: of('a/12') },
  ];

  it('of columns', () => {
    expect(hex(encodeColumns(all))).toBe(GOLDEN_COLUMNS);
    expect(recordsIn(decodeColumns(Buffer.from(GOLDEN_COLUMNS, 'hex'), 7))).toEqual(all);
  });

  it('of a pack, which is not coded alike by every version of brotli', async () => {
    expect(recordsIn(decodeConversationPack(7, Buffer.from(GOLDEN_PACK, 'hex')))).toEqual(all);
    expect(hex(decompressColumns(await compressColumns(encodeColumns(all))))).toBe(GOLDEN_COLUMNS);
  });

  it('of a head', () => {
    const head = { packed: 9, numbers: [7, 8, 9, 12, 13, 300], distances: new Map([[12, 3]]) };
    expect(hex(encodeHead(7, head))).toBe('0903000202019e02000503');
    expect(decodeHead(7, encodeHead(7, head))).toEqual(head);
  });
});

describe('a head', () => {
  it('is read as it was written, and an error where it contradicts itself', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 512 }),
        fc.nat(9),
        fc.uint8Array({ maxLength: 12 }),
        (some, more, noise) => {
          const numbers = some.sort((a, b) => a - b);
          const distances = new Map(numbers.filter((n) => n % 7 === 0).map((n) => [n, n % 5]));
          const head = { packed: Math.min(512, numbers.length + more), numbers, distances };
          const key = Math.max(1, numbers[0]! - more);
          expect(decodeHead(key, encodeHead(key, head))).toEqual(head);
          try {
            decodeHead(key, noise);
          } catch (error) {
            expect(isStowkenError(error, 'CORRUPT_STORE')).toBe(true);
          }
        },
      ),
      { numRuns: sampleOr(100, 2_000) },
    );
  });
});
