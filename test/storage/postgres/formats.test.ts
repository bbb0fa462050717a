import { expect, it } from 'vitest';
import { Delta } from '../../../src/storage/postgres/formats/delta.js';
import { IdSource, compareIds } from '../../../src/storage/postgres/formats/ids.js';
import { type ListedMessage, ListWriter, readList } from '../../../src/storage/postgres/formats/list.js';
import { boundAfter, chunksOf, groupAfter, groupOf } from '../../../src/storage/postgres/formats/prefix.js';
import { decodePack, encodePack } from '../../../src/storage/postgres/formats/pack.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const message = (role: string, fields: Partial<ListedMessage> = {}): ListedMessage => ({
  ...{ role, name: '', toolCallId: '', segments: [], fields: 0 },
  ...fields,
});

it('a list of messages has these bytes', () => {
  const messages = [
    message('user', { segments: [{ k: '5', slot: 0, tokenCount: 200 }] }),
    message('critic', { name: 'critic', toolCallId: 'c1', segments: [{ k: '9', slot: 3, tokenCount: 1 }] }),
    message('critic'),
    message('tool', {
      segments: [
        { k: '5', slot: 1, tokenCount: 2 },
        { k: '9', slot: 300, tokenCount: 3 },
      ],
      fields: 1,
    }),
  ];
  const writer = new ListWriter('5');
  for (const each of messages) writer.add(each);
  const columns = writer.finish();
  expect(columns.packs).toEqual(['9']);
  expect(hex(columns.list)).toBe(
    [
      '000100c801',
      '0108',
      '06637269746963',
      '08',
      '026331',
      '1901',
      '040800',
      '06040201',
      '0802',
      'e11203',
    ].join(''),
  );
  expect([...readList(columns, '5')]).toEqual(messages);
  expect(() => [...readList({ ...columns, packs: [] }, '5')]).toThrow('pack 1 is not known');
});

it('a list names any number of packs', () => {
  const writer = new ListWriter('1');
  const messages = Array.from({ length: 40 }, (_, n) =>
    message('user', { segments: [{ k: String(1 + n), slot: n, tokenCount: n }] }),
  );
  for (const each of messages) writer.add(each);
  expect([...readList(writer.finish(), '1')]).toEqual(messages);
});

it('a pack has these bytes, and keeps the places of frames that are gone', () => {
  const frames = [
    { tokenCount: 300, frame: Uint8Array.of(1, 2) },
    { tokenCount: 0, frame: new Uint8Array(0) },
    { tokenCount: 1, frame: Uint8Array.of(9) },
  ];
  const columns = encodePack(frames);
  expect([hex(columns.dir), hex(columns.data)]).toEqual(['02ac0200000101', '010209']);
  expect(decodePack(columns).map(({ frame }) => hex(frame))).toEqual(['0102', '', '09']);
  expect(() => decodePack({ ...columns, data: Buffer.alloc(2) })).toThrow('its sizes say 3');
});

it('a delta has these bytes', () => {
  const delta = new Delta();
  delta.figures.convs = 1;
  delta.countFrame(7, 10, 4, -1);
  delta.refer({ k: '258', slot: 2 }, 1);
  delta.refer({ k: '258', slot: 130 }, -1);
  const encoded = delta.encode();
  expect(hex(encoded)).toBe('02000001130700' + '0107011307' + '0201000000000000' + '0202028001' + '01');
  const read = new Delta();
  read.add(encoded);
  read.add(encoded);
  expect(read.figures).toMatchObject({ convs: 2, segs: -2, utoks: -20, bytes: -8 });
  expect([...read.references()]).toEqual([
    { k: '258', slot: 2, difference: 2 },
    { k: '258', slot: 130, difference: -2 },
  ]);
});

it('blocks of prefixes are divided into chunks, each under the name of what is before it', () => {
  const blocks = Buffer.from(Array.from({ length: 4 * 300 }, (_, at) => at % 251));
  const chunks = chunksOf(blocks, groupOf('agents'));
  expect(chunks.map(({ n, g, blocks: own }) => [n, g, own.length])).toEqual([
    [0, 'adb4dfae-3b6f-92ff-d3e9-ee465782f99b', 1024],
    [1, '9dcca855-be78-9621-3573-500835a46333', 176],
  ]);
  expect(Buffer.concat(chunks.map((chunk) => chunk.blocks))).toEqual(blocks);
  expect(groupAfter(chunks[0]!)).toBe(chunks[1]!.g);
  // Nothing is between those that begin with some blocks, and the bound after them.
  for (const bytes of [Buffer.of(1, 2, 3, 255), Buffer.alloc(8, 255)]) {
    const bound = boundAfter(bytes);
    expect(Buffer.concat([bytes, Buffer.alloc(1024 - bytes.length, 255)]).compare(bound)).toBe(-1);
  }
  expect(boundAfter(Buffer.of(1, 2, 3, 255))).toEqual(Buffer.of(1, 2, 4));
});

it('ids rise, and are int8', () => {
  const source = new IdSource(1);
  const ids = Array.from({ length: 5_000 }, () => source.next(0));
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort(compareIds)).toEqual(ids);
  expect(BigInt(ids.at(-1)!)).toBeLessThan(2n ** 63n);
});
