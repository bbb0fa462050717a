import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutJson } from '../../src/vault/write/cut-json.js';

describe('cutJson', () => {
  it('gives pieces that are the JSON again', () => {
    const long = fc.string({ minLength: 300, maxLength: 900 });
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.oneof(long, fc.jsonValue())),
      fc.dictionary(fc.string(), long),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (fields) => {
        const json = Buffer.from(JSON.stringify(fields));
        expect(Buffer.concat(cutJson(json))).toEqual(json);
      }),
    );
  });

  it('gives the same piece for a long value, whatever is beside it', () => {
    const tools = Array.from({ length: 20 }, (_, at) => ({ name: `t${at}`, text: 'a b c '.repeat(20) }));
    const pieces = ['x', 'another \\ "id" with ] and }'].map((id) =>
      cutJson(Buffer.from(JSON.stringify({ id, body: { seed: id, tools }, last: 1 }))).map(String),
    );
    expect(pieces[0]![1]).toBe(JSON.stringify(tools));
    expect(pieces[1]![1]).toBe(pieces[0]![1]);
    expect(pieces[0]).toHaveLength(3);
  });
});
