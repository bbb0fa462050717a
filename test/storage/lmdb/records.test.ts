import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter, varintBytes } from '../../../src/storage/shared/bytes.js';
import { decodeBoundedChunk, encodeBoundedChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import {
  decodeKeyChunk,
  encodeKeyChunk,
  entriesFrom,
  insertKey,
  type KeyEntry,
  locateKey,
} from '../../../src/storage/lmdb/tables/key-chunk.js';
import { decodeCounts, encodeCounts } from '../../../src/storage/lmdb/segments/count-chunk.js';
import { decodeIndexChunk, encodeIndexChunk } from '../../../src/storage/lmdb/segments/index-chunk.js';
import { decodePack, encodePack, findEntry, PackPlaces } from '../../../src/storage/lmdb/packs/pack.js';
import { PackBuilder } from '../../../src/storage/lmdb/packs/pack-builder.js';
import { framePieces } from '../../../src/storage/lmdb/packs/pack-layout.js';
import { encodeGarbage } from '../../../src/storage/lmdb/segments/ref-counts.js';
import { INLINE_VALUE_BYTES, TAIL_BYTES_MAX } from '../../../src/storage/lmdb/tables/layout.js';
import { decodeHeader, encodeHeader } from '../../../src/storage/lmdb/conversations/manifest.js';
import {
  decodeMessages,
  MessageEncoder,
  scanMessages,
} from '../../../src/storage/lmdb/conversations/message-list.js';
import type { StringCode } from '../../../src/storage/lmdb/tables/ids.js';
import { segmentId, segmentIds } from './ids.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const codes: Record<string, number> = {
  user: 2,
  assistant: 3,
  'gpt-4o': 4,
  o200k_base: 5,
  agents: 6,
  nick: 7,
  tool: 40,
};
const names = { codeOf: (name: string) => codes[name] as StringCode | undefined };
const nameOf = (code: number) => Object.keys(codes).find((name) => codes[name] === code) ?? '';

const findPlace: typeof findEntry = (key, record, id) => new PackPlaces(key, record).find(id);

/** Bytes of records in existing vaults: a change here is a new format version. */
describe('the stored bytes', () => {
  it('of a pack', () => {
    const pack = {
      continues: false,
      continued: false,
      entries: [
        { frameBytes: 3, tokenCount: 2, piece: Buffer.from('0105aa', 'hex') },
        { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) },
        { frameBytes: 2, tokenCount: 1, piece: Buffer.from('0107', 'hex') },
      ],
    };
    const record = encodePack(pack)!;
    expect(hex(record)).toBe('06' + '0302' + '00' + '0201' + '0105aa' + '0107');
    expect(decodePack(10, record)).toEqual({ firstId: 5, ...pack });
    const found = segmentIds(4, 5, 6, 7, 8).map((id) => findEntry(10, record, id));
    const [first, , last] = pack.entries;
    expect(found).toEqual([
      undefined,
      { ...first, open: false },
      undefined,
      { ...last, open: false },
      undefined,
    ]);
    const places = new PackPlaces(10, record);
    expect(segmentIds(4, 5, 6, 7, 8).map((id) => places.find(id))).toEqual(found);
    const builder = new PackBuilder();
    builder.resume(10, record);
    expect(hex(builder.finish(false)!)).toBe(hex(record));
    builder.add({ frameBytes: 1, tokenCount: 1, piece: Buffer.from('01', 'hex') });
    builder.add(pack.entries[1]!);
    expect(hex(builder.finish(true)!)).toBe(
      '08' + '0302' + '00' + '0201' + '0101' + '0105aa' + '0107' + '01',
    );
    expect(() => builder.resume(10, record.subarray(0, -1))).toThrow('not as long as its entries');
  });

  it('of packs that share a frame', () => {
    const deleted = { frameBytes: 0, tokenCount: 0 };
    const begins = {
      continues: false,
      continued: true,
      entries: [{ frameBytes: 9, tokenCount: 4, piece: Buffer.from('0102', 'hex') }],
    };
    const ends = {
      continues: true,
      continued: false,
      entries: [{ ...deleted, piece: Buffer.from('03040506070809', 'hex') }],
    };
    expect(hex(encodePack(begins)!)).toBe('03' + '0904' + '0102');
    expect(hex(encodePack(ends)!)).toBe('02' + '07' + '03040506070809');
    expect(decodePack(11, encodePack(ends)!)).toEqual({ firstId: 5, ...ends });
    for (const find of [findEntry, findPlace]) {
      expect(find(10, encodePack(begins)!, segmentId(5))).toEqual({ ...begins.entries[0], open: true });
      expect(find(11, encodePack(ends)!, segmentId(5))).toBeUndefined();
    }
  });

  it('of a lean pack, as a compaction makes it', () => {
    const form = { first: 0x81, tokenBits: 2, bytesPer256: 256 };
    const begins = {
      form,
      continues: false,
      continued: true,
      entries: [
        { frameBytes: 3, tokenCount: 2, piece: Buffer.from('810506', 'hex') },
        { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) },
        { frameBytes: 2, tokenCount: 1, piece: Buffer.from('0107', 'hex') },
        { frameBytes: 9, tokenCount: 4, piece: Buffer.from('8108', 'hex') },
      ],
    };
    const ends = {
      form,
      continues: true,
      continued: false,
      entries: [{ frameBytes: 0, tokenCount: 0, piece: Buffer.from('090a0b', 'hex') }, begins.entries[0]!],
    };
    expect(hex(encodePack(begins)!)).toBe(
      '00' + '09' + '81028002' + '04' + '325b8500' + '0506' + '0107' + '08',
    );
    expect(hex(encodePack(ends)!)).toBe('00' + '04' + '81028002' + '03' + '01' + '12' + '090a0b' + '0506');
    expect(decodePack(10, encodePack(begins)!)).toEqual({ firstId: 5, ...begins });
    expect(decodePack(17, encodePack(ends)!)).toEqual({ firstId: 8, ...ends });
    const record = encodePack(begins)!;
    expect(segmentIds(4, 5, 6, 8, 9).map((id) => findEntry(10, record, id))).toEqual([
      undefined,
      { ...begins.entries[0], open: false },
      undefined,
      { ...begins.entries[3], open: true },
      undefined,
    ]);
  });

  it('of a conversation', () => {
    const conversation = {
      id: 'c/ü',
      application: 'agents',
      model: 'gpt-4o',
      tokenizer: '',
      parentId: 'p',
      expireTimeMs: 64,
      metadata: { b: '2', a: '1' },
      revision: 3,
      totalTokens: 300,
      messageCount: 2,
      createTimeMs: 1_700_000_000_000,
      storeTimeMs: 1_700_000_000_000,
      updateTimeMs: 1_700_000_000_001,
    };
    const record = encodeHeader({ conversation, directoryBytes: 5000, distance: 3 }, names);
    expect(hex(record)).toBe(
      '7f' +
        '03' +
        '04632fc3bc' +
        '07' +
        '05' +
        '00' +
        '03' +
        '02' +
        'ac02' +
        '80d095ffbc31' +
        '01' +
        '0170' +
        '8001' +
        '02' +
        '01610131' +
        '01620132' +
        '8827',
    );
    expect(decodeHeader(new ByteReader(record), nameOf)).toEqual({
      conversation,
      directoryBytes: 5000,
      distance: 3,
    });
    const first = { conversation: { ...conversation, revision: 1 }, directoryBytes: undefined, distance: 1 };
    const short = encodeHeader(first, names);
    expect(hex(short).startsWith('0f' + '04632fc3bc' + '07' + '05' + '00' + '02' + 'ac02')).toBe(true);
    expect(decodeHeader(new ByteReader(short), nameOf)).toEqual(first);
  });

  it('of a conversation with a create time of its own', () => {
    const conversation = {
      ...{ id: 'c', application: '', model: '', tokenizer: '', parentId: '', expireTimeMs: undefined },
      ...{ metadata: {}, revision: 1, totalTokens: 3, messageCount: 1 },
      createTimeMs: 1_600_000_000_000,
      storeTimeMs: 1_700_000_000_000,
      updateTimeMs: 1_700_000_000_000,
    };
    const header = { conversation, directoryBytes: undefined, distance: 1 };
    const record = encodeHeader(header, names);
    expect(hex(record)).toBe('8001' + '0163' + '000000' + '01' + '03' + '80d095ffbc31' + '80a0b787e905');
    expect(decodeHeader(new ByteReader(record), nameOf)).toEqual(header);
    const later = { ...header, conversation: { ...conversation, createTimeMs: 1_700_000_000_064 } };
    expect(hex(encodeHeader(later, names)).endsWith('80d095ffbc31' + '7f')).toBe(true);
    expect(decodeHeader(new ByteReader(encodeHeader(later, names)), nameOf)).toEqual(later);
  });

  it('of a message list', () => {
    const messages = [
      { role: 'user', name: '', toolCallId: '', segments: [{ id: segmentId(10), tokenCount: 200 }] },
      { role: 'assistant', name: 'nick', toolCallId: 'c1', segments: [{ id: segmentId(11), tokenCount: 3 }] },
      { role: 'tool', name: '', toolCallId: '', segments: [] },
      {
        role: 'other',
        name: '',
        toolCallId: '',
        segments: [
          { id: segmentId(5), tokenCount: 1 },
          { id: segmentId(6), tokenCount: 2 },
        ],
      },
    ];
    const encoder = new MessageEncoder(names);
    for (const each of messages) encoder.add(each, each.segments);
    const list = encoder.finish();
    expect(hex(list)).toBe(
      '02' +
        '14c801' +
        '63' +
        '08' +
        '026331' +
        '0003' +
        '9f' +
        '29' +
        '00' +
        '9f' +
        '01056f74686572' +
        '02' +
        '0d01' +
        '0002',
    );
    expect([...decodeMessages(list, nameOf)]).toEqual(messages);
    const named: number[] = [];
    const extent = scanMessages(list, (id) => named.push(id));
    expect(extent).toEqual({ messages: 4, tokens: 206, bytes: list.length, nextId: 7 });
    expect(named).toEqual([10, 11, 5, 6]);
    expect(scanMessages(list, () => undefined, 2)).toMatchObject({ messages: 2, tokens: 203, bytes: 11 });
  });

  it('of a message with fields', () => {
    const [first, second] = [
      { id: segmentId(5), tokenCount: 3 },
      { id: segmentId(6), tokenCount: 40 },
    ];
    const messages = [
      { role: '', name: '', toolCallId: '', segments: [first, second], fieldSegments: 1 },
      { role: '', name: '', toolCallId: '', segments: [second], fieldSegments: 1 },
      { role: '', name: '', toolCallId: '', segments: [first] },
    ];
    const encoder = new MessageEncoder(names);
    for (const each of messages) encoder.add(each, each.segments);
    const list = encoder.finish();
    expect(hex(list)).toBe('80' + '010201' + '0a03' + '0028' + '80' + '010101' + '0128' + '00' + '0303');
    expect([...decodeMessages(list, nameOf)]).toEqual(messages);
    const named: number[] = [];
    expect(scanMessages(list, (id) => named.push(id))).toMatchObject({ messages: 3, tokens: 6 });
    expect(named).toEqual([5, 6, 6, 5]);
  });

  it('of a chunk of the hash index, in the form of format 4 and in the one before', () => {
    const entries = {
      prints: Uint32Array.of(0x1000000, 0x1000000, 0x1000009),
      ids: Uint32Array.of(1, 300, 2),
    };
    const chunk = { last: 0x100000ff, entries };
    const record = encodeIndexChunk(0x10000000, chunk);
    expect(hex(record)).toBe('ff000010' + '8000' + '03' + '09' + '02' + '13' + '5000960200');
    expect(decodeIndexChunk(0x10000000, record)).toEqual(chunk);
    const empty = { last: 7, entries: { prints: new Uint32Array(0), ids: new Uint32Array(0) } };
    expect(hex(encodeIndexChunk(1, empty))).toBe('07000000' + '8000' + '00');
    expect(decodeIndexChunk(1, encodeIndexChunk(1, empty))).toEqual(empty);
    // Distances to the fingerprint before: 10000000 twice, 10000090.
    const before = Buffer.from('ff000010' + '0101' + '00ac02' + '900102', 'hex');
    expect(decodeIndexChunk(0x0fffffff, before)).toEqual(chunk);
  });

  it('of a chunk of counts', () => {
    const counts = Uint8Array.from({ length: 252 }, (_, at) => [0, 2, 2, 9][at] ?? 2);
    expect(hex(encodeCounts(counts))).toBe('02' + '0000' + '0209');
    expect(decodeCounts(encodeCounts(counts))).toEqual(counts);
    const various = counts.map((_, at) => at % 7);
    expect(encodeCounts(various)).toEqual(various);
    expect(hex(encodeCounts(new Uint8Array(252)))).toBe('');
  });

  it('of a chunk of a key index', () => {
    const entries = ['chat/1', 'chat/12', 'tau'].map((id, index) => ({
      key: Buffer.from(id),
      number: index + 7,
    }));
    const chunk = encodeKeyChunk(entries);
    expect(hex(chunk)).toBe('0006636861742f310e' + '06013202' + '000374617502');
    expect(decodeKeyChunk(chunk)).toEqual(entries);
    const key = Buffer.from('\x01chat');
    const inMiddle = encodeBoundedChunk(key, { end: Buffer.from('\x01chess'), entries: Buffer.of(7) });
    expect(hex(inMiddle)).toBe('04' + '03657373' + '07');
    expect(decodeBoundedChunk(key, inMiddle)).toEqual({
      end: Buffer.from('\x01chess'),
      entries: Buffer.of(7),
    });
    const last = encodeBoundedChunk(key, { end: undefined, entries: Buffer.of(7) });
    expect(hex(last)).toBe('00' + '07');
    expect(decodeBoundedChunk(key, last)).toEqual({ end: undefined, entries: Buffer.of(7) });
  });

  it('of a garbage entry', () => {
    expect(hex(encodeGarbage({ sinceMs: 1, sequence: 300, frameBytes: 5 }))).toBe('01ac0205');
  });
});

describe('numbers', () => {
  it('keep their value at every power of two, plus and minus one', () => {
    for (let power = 0; power < 53; power++) {
      for (const value of [2 ** power - 1, 2 ** power, 2 ** power + 1].filter(Number.isSafeInteger)) {
        const bytes = new ByteWriter().varint(value).finish();
        expect(new ByteReader(bytes).varint()).toBe(value);
        expect(bytes).toHaveLength(varintBytes(value));
        for (let end = 0; end < bytes.length; end++) {
          expect(() => new ByteReader(bytes.subarray(0, end)).varint()).toThrow('does not decode');
        }
        if (value >= 2 ** 51) continue;
        for (const signed of [value, -value]) {
          expect(new ByteReader(new ByteWriter().zigzag(signed).finish()).zigzag()).toBe(signed + 0);
        }
      }
    }
  });
});

describe('a frame', () => {
  it('is spread so that every piece fits its place', () => {
    for (let bytes = 0; bytes <= 20_000; bytes++) {
      const { headBytes, halfBytes, tailBytes } = framePieces(bytes);
      expect(headBytes + halfBytes + tailBytes).toBe(bytes);
      expect(tailBytes).toBeLessThanOrEqual(TAIL_BYTES_MAX);
      expect(halfBytes).toBeLessThanOrEqual(INLINE_VALUE_BYTES);
      const wasted = headBytes > 0 ? (4096 - ((headBytes + 24) % 4096)) % 4096 : 0;
      expect(wasted).toBeLessThan(100);
    }
  });
});

describe('chunks changed as bytes', () => {
  it('of a key index hold what a sorted list holds', () => {
    const id = fc.stringMatching(/^[ab]{1,6}c?$/);
    fc.assert(
      fc.property(fc.uniqueArray(id), fc.array(id), (ids, others) => {
        let chunk: Uint8Array = Buffer.alloc(0);
        const entries: KeyEntry[] = ids.map((each, index) => ({
          key: Buffer.from(each),
          number: (index * 37) % 11,
        }));
        for (const each of entries) chunk = insertKey(chunk, locateKey(chunk, each.key), each);
        const sorted = [...entries].sort((a, b) => Buffer.compare(a.key, b.key));
        expect(decodeKeyChunk(chunk)).toEqual(sorted);
        expect(hex(chunk)).toBe(hex(encodeKeyChunk(sorted)));
        for (const each of [...ids, ...others]) {
          const expected = entries.find((entry) => entry.key.toString() === each)?.number;
          expect(locateKey(chunk, Buffer.from(each)).found).toBe(expected);
          expect([...entriesFrom(chunk, Buffer.from(each))]).toEqual(
            sorted.filter(({ key }) => key.compare(Buffer.from(each)) >= 0),
          );
        }
      }),
    );
  });
});
