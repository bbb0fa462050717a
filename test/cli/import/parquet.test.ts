import { Readable } from 'node:stream';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { exactParsers } from '../../../src/cli/import/sources/parquet-values.js';
import { type Json, writeWithRawNumbers } from '../../../src/cli/import/shapes/index.js';
import { readDocuments } from '../../../src/cli/import/sources/index.js';

type Given = Parameters<typeof parquetWriteBuffer>[0];

/** Returns the rows of a file as export writes them. */
async function rowsOf(schema: NonNullable<Given['schema']>, columns: Record<string, unknown[]>) {
  const names = Object.keys(columns);
  const columnData = names.map((name) => ({ name, data: columns[name]! }));
  const root = { name: 'root', num_children: names.length } as const;
  const bytes = parquetWriteBuffer({
    schema: [root, ...schema],
    columnData,
    codec: 'SNAPPY',
    rowGroupSize: 2,
  });
  const rows: Json[] = [];
  const stdin = Readable.from([Buffer.from(bytes)]);
  for await (const { value } of readDocuments('-', { stdin }, 1e6)) rows.push(value!);
  return rows.map(writeWithRawNumbers);
}

const optional = { repetition_type: 'OPTIONAL' } as const;
const list = { converted_type: 'LIST', num_children: 1, ...optional } as const;
const repeated = { name: 'list', repetition_type: 'REPEATED', num_children: 1 } as const;
const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', ...optional } as const;

describe('rows of Parquet', () => {
  it('have messages, calls of tools and images, as data sets of Hugging Face do', async () => {
    const image = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xff, 0);
    const call = { id: 'c1', function: { name: 'weather', arguments: '{}' } };
    const messages = [
      { role: 'user', content: '\ufeffHi', tool_calls: null },
      { role: 'assistant', content: null, tool_calls: [call] },
    ];
    const rows = await rowsOf(
      [
        { name: 'messages', ...list },
        repeated,
        { name: 'element', num_children: 3, ...optional },
        { name: 'role', ...text },
        { name: 'content', ...text },
        { name: 'tool_calls', ...list },
        repeated,
        { name: 'element', num_children: 2, ...optional },
        { name: 'id', ...text },
        { name: 'function', num_children: 2, ...optional },
        { name: 'name', ...text },
        { name: 'arguments', ...text },
        { name: 'image', num_children: 2, ...optional },
        { name: 'bytes', type: 'BYTE_ARRAY', ...optional },
        { name: 'path', ...text },
      ],
      { messages: [messages, [], null], image: [{ bytes: image, path: 'a.png' }, null, null] },
    );
    const base64 = Buffer.from(image).toString('base64');
    expect(rows).toEqual(
      [
        { messages, image: { bytes: base64, path: 'a.png' } },
        { messages: [], image: null },
        { messages: null, image: null },
      ].map((row) => JSON.stringify(row)),
    );
  });

  it('keep all digits of decimals, times and large numbers, also in lists and maps', async () => {
    const micros = { type: 'TIMESTAMP', unit: 'MICROS', isAdjustedToUTC: true } as const;
    const nanos = { type: 'TIMESTAMP', unit: 'NANOS', isAdjustedToUTC: false } as const;
    const rows = await rowsOf(
      [
        { name: 'cost', type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 4, ...optional },
        { name: 'us', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type: micros, ...optional },
        { name: 'ns', ...list },
        repeated,
        { name: 'element', type: 'INT64', logical_type: nanos, ...optional },
        { name: 'day', type: 'INT32', converted_type: 'DATE', ...optional },
        { name: 'score', type: 'DOUBLE', ...optional },
        { name: 'map', converted_type: 'MAP', num_children: 1, ...optional },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
        { name: 'key', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
        { name: 'value', type: 'INT64', converted_type: 'UINT_64', ...optional },
      ],
      {
        cost: [123456789012345678n, -5n, null],
        us: [1767323045678901n, -1n, 2n ** 62n],
        ns: [[1767323045678901234n, 1767323045678901000n], [], null],
        day: [20455, -1, 2 ** 30],
        score: [1e300, -0, 0.1],
        map: [{ a: 2n ** 64n - 1n, b: null }, {}, null],
      },
    );
    expect(rows).toEqual([
      '{"cost":12345678901234.5678,"us":"2026-01-02T03:04:05.678901Z",' +
        '"ns":["2026-01-02T03:04:05.678901234","2026-01-02T03:04:05.678901"],"day":"2026-01-02",' +
        '"score":1e+300,"map":{"a":18446744073709551615,"b":null}}',
      '{"cost":-0.0005,"us":"1969-12-31T23:59:59.999999Z","ns":[],"day":"1969-12-31","score":-0,"map":{}}',
      '{"cost":null,"us":"+148108-07-06T14:00:27.387904Z","ns":null,"day":1073741824,"score":0.1,"map":null}',
    ]);
  });

  it('have decimals of bytes, and bytes of other kinds in base64', async () => {
    const rows = await rowsOf(
      [
        { name: 'wide', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, ...optional },
        { name: 'plain', type: 'BYTE_ARRAY', ...optional },
      ],
      { wide: [new Uint8Array(16).fill(255)], plain: [Buffer.from('text')] },
    );
    expect(rows).toEqual([`{"wide":"${Buffer.alloc(16, 255).toString('base64')}","plain":"text"}`]);
  });

  it('have columns of JSON whose numbers keep their digits; what is no JSON stays text', () => {
    const parse = (json: string) => exactParsers.jsonFromBytes!(Buffer.from(json)) as Json;
    expect(writeWithRawNumbers(parse('{"n":12345678901234567890}'))).toBe('{"n":12345678901234567890}');
    for (const json of ['no JSON', '{"a":1,"a":2}']) expect(parse(json)).toBe(json);
  });
});
